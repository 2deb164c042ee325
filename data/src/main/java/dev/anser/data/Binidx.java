package dev.anser.data;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Objects;

/// RWKV's data format: `PREFIX.bin` has the tokens of all documents one after the other,
/// `PREFIX.idx` says where each document lies.
///
/// ```java
/// try (Binidx data = Binidx.open(Path.of("stories"))) {
///     int[] first = data.document(0);
/// }
/// ```
///
/// Both files are mapped, so that they may be larger than the memory; the index is checked when it
/// is opened, number by number. All numbers are little-endian:
///
/// | bytes | `.idx` |
/// |---|---|
/// | 9 | `MMIDIDX`, 0, 0 |
/// | 8 | version, 1 |
/// | 1 | [ElementType] |
/// | 8 | n, the documents |
/// | 8 | d, entries of the last table |
/// | 4 n | tokens of each document |
/// | 8 n | where each begins, in bytes of the `.bin` |
/// | 8 d | where groups of documents begin: 0, 1, … n in RWKV's files |
public final class Binidx implements Tokens {
    static final byte[] MAGIC = "MMIDIDX\0\0".getBytes(StandardCharsets.US_ASCII);
    static final int HEADER_BYTES = 34;

    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path binFile;
    private final Path idxFile;
    private final Arena arena;
    private final MemorySegment bin;
    private final MemorySegment idx;
    private final ElementType type;
    private final long documents;
    private volatile int largest = -1;

    private Binidx(Path prefix, Arena arena) {
        this.arena = arena;
        this.binFile = binFile(prefix);
        this.idxFile = idxFile(prefix);
        this.idx = map(idxFile, arena);
        this.bin = map(binFile, arena);
        if (idx.byteSize() < HEADER_BYTES) {
            throw lies("has " + idx.byteSize() + " bytes; expected a header of " + HEADER_BYTES);
        }
        if (!Arrays.equals(idx.asSlice(0, MAGIC.length).toArray(ValueLayout.JAVA_BYTE), MAGIC)) {
            throw lies("does not begin with MMIDIDX; expected the index of RWKV's binidx data");
        }
        long version = idx.get(LONG, 9);
        if (version != 1) {
            throw lies("has version " + version + "; expected 1");
        }
        this.type = type(idx.get(ValueLayout.JAVA_BYTE, 17) & 0xff);
        this.documents = idx.get(LONG, 18);
        long groups = idx.get(LONG, 26);
        long most = idx.byteSize() / 4;
        if (documents < 0
                || groups < 0
                || documents > most
                || groups > most
                || HEADER_BYTES + 12 * documents + 8 * groups != idx.byteSize()) {
            throw lies(
                    "has "
                            + idx.byteSize()
                            + " bytes and claims "
                            + documents
                            + " documents with "
                            + groups
                            + " group entries; expected 34 + 12 × documents + 8 × entries bytes");
        }
        requireDocumentsInside();
        requireGroupsInside(groups);
    }

    /// Opens `prefix.bin` and `prefix.idx`; `prefix` may also be either file itself.
    ///
    /// @throws DataException when they cannot be read or the index lies; the message says where
    public static Binidx open(Path prefix) {
        Arena arena = Arena.ofShared();
        boolean opened = false;
        try {
            Binidx data = new Binidx(prefix(prefix), arena);
            opened = true;
            return data;
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    /// `file` without `.bin` or `.idx` at its end.
    public static Path prefix(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.endsWith(".bin") || name.endsWith(".idx")
                ? file.resolveSibling(name.substring(0, name.length() - 4))
                : file;
    }

    /// Where the tokens of `prefix` are.
    public static Path binFile(Path prefix) {
        return prefix.resolveSibling(prefix.getFileName() + ".bin");
    }

    /// Where the index of `prefix` is.
    public static Path idxFile(Path prefix) {
        return prefix.resolveSibling(prefix.getFileName() + ".idx");
    }

    private static MemorySegment map(Path file, Arena arena) {
        if (!Files.isRegularFile(file)) {
            throw new DataException(
                    file
                            + ": there is no such file; binidx data is a .bin and an .idx of one"
                            + " name, build it with anser data build");
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            throw new DataException(
                    file + ": cannot be read (" + e.getMessage() + "); check its permissions", e);
        }
    }

    private ElementType type(int code) {
        for (ElementType type : ElementType.values()) {
            if (type.code() == code) {
                return type;
            }
        }
        throw lies(
                "has element type "
                        + code
                        + "; expected 8 (uint16) or another integer type, 1 to 5");
    }

    private void requireDocumentsInside() {
        if (bin.byteSize() % type.bytes() != 0) {
            throw new DataException(
                    binFile
                            + ": has "
                            + bin.byteSize()
                            + " bytes, no multiple of the "
                            + type.bytes()
                            + " of a token; it is cut short or belongs to another index");
        }
        long end = 0;
        for (long i = 0; i < documents; i++) {
            long size = sizeOf(i);
            long from = pointer(i);
            if (size < 0) {
                throw lies("gives document " + i + " " + size + " tokens; expected 0 or more");
            }
            if (from < 0
                    || from % type.bytes() != 0
                    || from > bin.byteSize() - size * type.bytes()) {
                throw lies(
                        "puts document "
                                + i
                                + ", "
                                + size
                                + " tokens, at byte "
                                + from
                                + " of a .bin of "
                                + bin.byteSize()
                                + " bytes; the files do not belong together or are damaged");
            }
            end = Math.max(end, from + size * type.bytes());
        }
        if (end != bin.byteSize()) {
            throw lies(
                    "ends at byte "
                            + end
                            + " of a .bin of "
                            + bin.byteSize()
                            + " bytes; the files do not belong together or are damaged");
        }
    }

    private void requireGroupsInside(long groups) {
        long last = 0;
        for (long i = 0; i < groups; i++) {
            long group = idx.get(LONG, HEADER_BYTES + 12 * documents + 8 * i);
            if (group < last || group > documents) {
                throw lies(
                        "has group entry "
                                + i
                                + " at document "
                                + group
                                + "; expected ascending numbers from "
                                + last
                                + " to "
                                + documents);
            }
            last = group;
        }
    }

    private DataException lies(String what) {
        return new DataException(idxFile + ": the index " + what);
    }

    /// How many documents there are.
    public long documents() {
        return documents;
    }

    /// How a token is stored.
    public ElementType type() {
        return type;
    }

    /// Tokens of document `number`.
    public int sizeOf(long number) {
        Objects.checkIndex(number, documents);
        return idx.get(INT, HEADER_BYTES + 4 * number);
    }

    /// Where document `number` begins, in tokens.
    public long startOf(long number) {
        return pointer(number) / type.bytes();
    }

    private long pointer(long number) {
        Objects.checkIndex(number, documents);
        return idx.get(LONG, HEADER_BYTES + 4 * documents + 8 * number);
    }

    /// The tokens of document `number`.
    public int[] document(long number) {
        int[] tokens = new int[sizeOf(number)];
        read(startOf(number), tokens, 0, tokens.length);
        return tokens;
    }

    @Override
    public long size() {
        return bin.byteSize() / type.bytes();
    }

    @Override
    public void read(long position, int[] target, int offset, int count) {
        Objects.checkFromIndexSize(position, count, size());
        for (int i = 0; i < count; i++) {
            target[offset + i] = token(position + i);
        }
    }

    private int token(long position) {
        long token = type.at(bin, position);
        if (token < 0 || token > Integer.MAX_VALUE) {
            throw new DataException(
                    "%s: token %d is %d, which is no token id; expected 0 or more"
                            .formatted(binFile, position, token));
        }
        return (int) token;
    }

    @Override
    public int largest() {
        int found = largest;
        if (found < 0) {
            found = 0;
            for (long i = 0; i < size(); i++) {
                found = Math.max(found, token(i));
            }
            largest = found;
        }
        return found;
    }

    @Override
    public String digest() {
        MessageDigest digest = Digests.sha256();
        Digests.add(digest, idx);
        Digests.add(digest, bin);
        return Digests.hex(digest);
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
