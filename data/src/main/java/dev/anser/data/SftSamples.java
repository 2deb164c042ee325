package dev.anser.data;

import dev.anser.text.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Samples of conversations, for supervised fine-tuning. Each conversation ends with token 0; what
/// is left of a sample is filled up with token 0.
///
/// The lines of the JSONL file have `{"text": "User: …\n\nAssistant: …"}` or `{"messages":
/// [{"role": "user", "content": "…"}, …]}`; other members are passed over. All conversations are
/// held in memory.
public final class SftSamples implements Samples {
    /// Samples that may still take a conversation while packing: enough to fill them well.
    private static final int OPEN = 64;

    /// How conversations become samples.
    ///
    /// @param length T
    /// @param mask which targets do not count
    /// @param packing whether several conversations may share a sample
    /// @param seed what the order of the samples follows from
    public record Settings(int length, LossMask mask, boolean packing, long seed) {}

    private final Settings settings;
    private final List<int[]> ids = new ArrayList<>();
    private final List<boolean[]> counted = new ArrayList<>();
    private final String digest;
    private int conversations;
    private int truncated;
    private int leftOut;
    private int largest;

    /// Reads the conversations of `file`, also in gzip.
    ///
    /// @throws DataException when a line is wrong, or nothing is left to learn
    public SftSamples(Path file, Tokenizer tokenizer, Settings settings) {
        Windows.requireLength(settings.length());
        BinidxBuild.requireDocumentEnd(tokenizer);
        this.settings = settings;
        List<Conversation.Encoded> kept = new ArrayList<>();
        Conversations.read(file, conversation -> keep(conversation.encode(tokenizer), kept));
        if (kept.isEmpty()) {
            throw new DataException(
                    file
                            + ": has no conversation with a reply in its first "
                            + (settings.length() + 1L)
                            + " tokens; use a longer context");
        }
        shuffle(kept);
        if (settings.packing()) {
            pack(kept);
        } else {
            kept.forEach(conversation -> addSample(List.of(conversation)));
        }
        this.digest = computeDigest();
    }

    private void keep(Conversation.Encoded conversation, List<Conversation.Encoded> kept) {
        conversations++;
        int most = settings.length() + 1;
        Conversation.Encoded cut = conversation;
        if (conversation.ids().length > most) {
            truncated++;
            cut =
                    new Conversation.Encoded(
                            Arrays.copyOf(conversation.ids(), most),
                            Arrays.copyOf(conversation.replies(), most));
        }
        boolean anyReply = false;
        for (int i = 1; i < cut.replies().length; i++) {
            anyReply |= cut.replies()[i];
        }
        if (!anyReply) {
            leftOut++;
            return;
        }
        for (int id : cut.ids()) {
            largest = Math.max(largest, id);
        }
        kept.add(cut);
    }

    private void shuffle(List<Conversation.Encoded> kept) {
        SplitMix random = new SplitMix(settings.seed());
        for (int i = kept.size() - 1; i > 0; i--) {
            int other = (int) random.next(i + 1L);
            kept.set(i, kept.set(other, kept.get(i)));
        }
    }

    /// Each conversation goes into the first open sample with room for it.
    private void pack(List<Conversation.Encoded> kept) {
        record Open(List<Conversation.Encoded> conversations, int[] size) {}
        List<Open> open = new ArrayList<>();
        for (Conversation.Encoded conversation : kept) {
            int more = conversation.ids().length;
            Open found = null;
            for (Open sample : open) {
                if (sample.size()[0] + more <= settings.length() + 1) {
                    found = sample;
                    break;
                }
            }
            if (found == null) {
                if (open.size() == OPEN) {
                    addSample(open.removeFirst().conversations());
                }
                found = new Open(new ArrayList<>(), new int[1]);
                open.add(found);
            }
            found.conversations().add(conversation);
            found.size()[0] += more;
        }
        open.forEach(sample -> addSample(sample.conversations()));
    }

    private void addSample(List<Conversation.Encoded> parts) {
        int size = parts.stream().mapToInt(part -> part.ids().length).sum();
        int[] tokens = new int[size];
        boolean[] counts = new boolean[size];
        int at = 0;
        for (Conversation.Encoded part : parts) {
            int length = part.ids().length;
            System.arraycopy(part.ids(), 0, tokens, at, length);
            if (settings.mask() == LossMask.PROMPT) {
                System.arraycopy(part.replies(), 0, counts, at, length);
            } else {
                Arrays.fill(counts, at, at + length, true);
            }
            at += length;
        }
        ids.add(tokens);
        counted.add(counts);
    }

    private String computeDigest() {
        MessageDigest sha = Digests.sha256();
        for (int sample = 0; sample < ids.size(); sample++) {
            int[] tokens = ids.get(sample);
            boolean[] counts = counted.get(sample);
            ByteBuffer buffer = ByteBuffer.allocate(4 + 5 * tokens.length);
            buffer.putInt(tokens.length);
            for (int i = 0; i < tokens.length; i++) {
                buffer.putInt(tokens[i]).put((byte) (counts[i] ? 1 : 0));
            }
            sha.update(buffer.flip());
        }
        return Digests.hex(sha);
    }

    /// Conversations in the file.
    public int conversations() {
        return conversations;
    }

    /// Conversations that were longer than a sample: their ends are not learned.
    public int truncated() {
        return truncated;
    }

    /// Conversations that were left out because their first T + 1 tokens have no reply.
    public int leftOut() {
        return leftOut;
    }

    @Override
    public int length() {
        return settings.length();
    }

    @Override
    public long count() {
        return ids.size();
    }

    @Override
    public int largestToken() {
        return largest;
    }

    @Override
    public String fingerprint() {
        return digest
                + " order=conversations context="
                + settings.length()
                + " mask="
                + settings.mask()
                + " packing="
                + settings.packing()
                + " seed="
                + settings.seed();
    }

    @Override
    public void read(long index, int[] tokens, boolean[] counts) {
        Windows.requireIndex(index);
        int sample = (int) (index % ids.size());
        int[] there = ids.get(sample);
        System.arraycopy(there, 0, tokens, 0, there.length);
        Arrays.fill(tokens, there.length, settings.length() + 1, 0);
        System.arraycopy(counted.get(sample), 1, counts, 0, there.length - 1);
        Arrays.fill(counts, there.length - 1, settings.length(), settings.mask() == LossMask.NONE);
    }

    @Override
    public void close() {}
}
