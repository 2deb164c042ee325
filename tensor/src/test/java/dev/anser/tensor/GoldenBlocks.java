package dev.anser.tensor;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/// What ggml makes of four rows of 512 numbers, then of blocks of random bits: `TYPE.raw` the
/// blocks, `TYPE.f32` their numbers, `source.f32` the four rows before. Scales are finite.
final class GoldenBlocks {
    static final int ROWS = 4;
    static final int COLUMNS = 512;

    private static final Path FOLDER = Path.of("src/test/resources/golden/blocks");

    private GoldenBlocks() {}

    /// The four rows, before they were quantised.
    static float[] source() {
        return floats("source.f32");
    }

    static byte[] raw(DType type) {
        return bytes(type + ".raw");
    }

    static float[] floats(DType type) {
        return floats(type + ".f32");
    }

    /// A matrix whose blocks are golden ones, in random order.
    static Tensor matrix(Arena arena, Random random, DType type, int rows, int columns) {
        Tensor tensor = Tensor.allocate(arena, type, rows, columns);
        MemorySegment raw = MemorySegment.ofArray(raw(type));
        int bytes = type.blockBytes();
        int blocks = (int) (raw.byteSize() / bytes);
        for (long at = 0; at < tensor.bytes(); at += bytes) {
            long from = (long) random.nextInt(blocks) * bytes;
            MemorySegment.copy(raw, from, tensor.segment(), at, bytes);
        }
        return tensor;
    }

    private static float[] floats(String name) {
        ByteBuffer bytes = ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN);
        float[] floats = new float[bytes.remaining() / 4];
        bytes.asFloatBuffer().get(floats);
        return floats;
    }

    private static byte[] bytes(String name) {
        try {
            return Files.readAllBytes(FOLDER.resolve(name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
