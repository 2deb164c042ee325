package dev.anser.text;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/// The RWKV World tokenizer: greedy longest match over bytes, with any vocabulary file of that
/// format.
///
/// Such a file has one token a line, `id literal length`: the literal is a Python `str` or `bytes`
/// literal, which may itself hold spaces, and the length counts its bytes. Line ends may be LF or
/// CRLF. Ids may come in any order and leave gaps. When id 0 is not in the file it is the
/// end-of-document token, whose bytes are empty; when it is, it is a token as any other and there
/// is no end-of-document token.
public final class WorldTokenizer implements Tokenizer {
    /* The trie lies level by level, so the children of node n are the nodes
     * firstChild[n] to firstChild[n + 1] - 1, ascending by their label. A node costs nine bytes,
     * and a search touches three short runs of memory per byte of text.
     */

    private final String source;
    private final byte[] pool;
    private final int[] start;
    private final int[] length;
    private final int[] firstChild;
    private final byte[] label;
    private final int[] token;
    private final int endOfText;

    private WorldTokenizer(WorldVocabulary vocabulary) {
        this.source = vocabulary.source;
        this.pool = vocabulary.pool;
        this.start = vocabulary.start;
        this.length = vocabulary.length;
        this.endOfText = length[0] == 0 ? 0 : -1;

        int[] order = vocabulary.idsByBytes();
        int capacity = pool.length + 1;
        int[] first = new int[capacity + 1];
        byte[] labels = new byte[capacity];
        int[] tokens = new int[capacity];
        // Node n stands for the tokens order[from[n] .. to[n]), which share depth bytes.
        int[] from = new int[capacity];
        int[] to = new int[capacity];
        to[0] = order.length;
        tokens[0] = -1;
        int nodes = 1;
        int levelEnd = 1;
        int depth = 0;
        for (int node = 0; node < nodes; node++) {
            if (node == levelEnd) {
                levelEnd = nodes;
                depth++;
            }
            first[node] = nodes;
            int i = from[node];
            if (i < to[node] && length[order[i]] == depth) {
                i++;
            }
            while (i < to[node]) {
                byte next = pool[start[order[i]] + depth];
                int end = i + 1;
                while (end < to[node] && pool[start[order[end]] + depth] == next) {
                    end++;
                }
                labels[nodes] = next;
                tokens[nodes] = length[order[i]] == depth + 1 ? order[i] : -1;
                from[nodes] = i;
                to[nodes] = end;
                nodes++;
                i = end;
            }
        }
        first[nodes] = nodes;
        this.firstChild = Arrays.copyOf(first, nodes + 1);
        this.label = Arrays.copyOf(labels, nodes);
        this.token = Arrays.copyOf(tokens, nodes);
    }

    /// Reads the vocabulary `file`.
    ///
    /// @throws TokenizerException when it cannot be read or a line is wrong; the message names both
    public static WorldTokenizer load(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return load(file.toString(), in);
        } catch (IOException e) {
            String reason = e.getClass().getSimpleName();
            throw new TokenizerException(
                    file + ": the vocabulary cannot be read (" + reason + "); check the path", e);
        }
    }

    /// Reads a vocabulary from `in`, which stays open; `source` names it in messages.
    ///
    /// @throws TokenizerException when a line is wrong; the message names it
    /// @throws IOException when `in` cannot be read
    public static WorldTokenizer load(String source, InputStream in) throws IOException {
        byte[] content = in.readNBytes(WorldVocabulary.MAX_FILE_BYTES + 1);
        return load(source, content);
    }

    /// Reads a vocabulary from the bytes of such a file; `source` names it in messages.
    ///
    /// @throws TokenizerException when a line is wrong; the message names it
    public static WorldTokenizer load(String source, byte[] content) {
        return new WorldTokenizer(WorldVocabulary.parse(source, content));
    }

    @Override
    public int[] encode(byte[] bytes) {
        int[] ids = new int[Math.max(8, bytes.length / 3)];
        int count = 0;
        int at = 0;
        while (at < bytes.length) {
            int best = -1;
            int bestEnd = at;
            int node = 0;
            for (int i = at; i < bytes.length; i++) {
                node = child(node, bytes[i] & 0xff);
                if (node < 0) {
                    break;
                }
                if (token[node] >= 0) {
                    best = token[node];
                    bestEnd = i + 1;
                }
            }
            if (best < 0) {
                throw new TokenizerException(
                        String.format(
                                "no token of %s covers byte 0x%02x%s at offset %d of the text",
                                source, bytes[at], printable(bytes[at]), at));
            }
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, count + (count >> 1));
            }
            ids[count++] = best;
            at = bestEnd;
        }
        return Arrays.copyOf(ids, count);
    }

    private static String printable(byte value) {
        return value > 0x20 && value < 0x7f ? " ('" + (char) value + "')" : "";
    }

    /// The child of `node` under `next`, or -1.
    private int child(int node, int next) {
        int low = firstChild[node];
        int high = firstChild[node + 1] - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int found = label[middle] & 0xff;
            if (found == next) {
                return middle;
            }
            if (found < next) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1;
    }

    @Override
    public boolean contains(int id) {
        return id >= 0 && id < length.length && (length[id] > 0 || id == endOfText);
    }

    @Override
    public byte[] bytes(int id) {
        require(id);
        return Arrays.copyOfRange(pool, start[id], start[id] + length[id]);
    }

    @Override
    public byte[] decode(int... ids) {
        long total = 0;
        for (int id : ids) {
            require(id);
            total += length[id];
        }
        if (total > Integer.MAX_VALUE - 8) {
            throw new TokenizerException(
                    "the text of "
                            + ids.length
                            + " tokens takes "
                            + total
                            + " bytes, more than an array holds; decode it in parts");
        }
        byte[] bytes = new byte[(int) total];
        int at = 0;
        for (int id : ids) {
            System.arraycopy(pool, start[id], bytes, at, length[id]);
            at += length[id];
        }
        return bytes;
    }

    private void require(int id) {
        if (!contains(id)) {
            throw new TokenizerException(
                    "token id "
                            + id
                            + " is not in "
                            + source
                            + ", whose largest id is "
                            + (length.length - 1));
        }
    }

    @Override
    public int vocabularySize() {
        return length.length;
    }

    @Override
    public boolean greedy() {
        return true;
    }

    @Override
    public int endOfText() {
        return endOfText;
    }
}
