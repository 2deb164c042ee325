package dev.anser.data;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// SHA-256 of memory.
final class Digests {
    /// What is hashed whole; of more, only [#BLOCKS] blocks are.
    static final long WHOLE_BYTES = 64L << 20;

    private static final int BLOCKS = 1024;
    private static final int BLOCK_BYTES = 1 << 16;

    private Digests() {}

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    /// Adds `size` of `data` and its bytes, or of much data the first, the last and evenly spaced
    /// blocks.
    static void add(MessageDigest digest, MemorySegment data) {
        long size = data.byteSize();
        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, size));
        if (size <= WHOLE_BYTES) {
            addAll(digest, data, 0, size);
            return;
        }
        for (int block = 0; block < BLOCKS; block++) {
            long last = size - BLOCK_BYTES;
            long at = last / (BLOCKS - 1) * block;
            addAll(digest, data, block == BLOCKS - 1 ? last : at, BLOCK_BYTES);
        }
    }

    private static void addAll(MessageDigest digest, MemorySegment data, long from, long count) {
        for (long at = from; at < from + count; at += 1 << 20) {
            digest.update(data.asSlice(at, Math.min(1 << 20, from + count - at)).asByteBuffer());
        }
    }
}
