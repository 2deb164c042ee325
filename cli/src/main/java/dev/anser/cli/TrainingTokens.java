package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Npy;
import dev.anser.checkpoint.NpyArray;
import dev.anser.tensor.Shape;
import java.nio.file.Path;

/// Batches of token ids from a NumPy file.
final class TrainingTokens {
    private TrainingTokens() {}

    /// The sequences of `file` (B, T + 1), each checked to be below `vocabulary`.
    static int[][] batch(Path file, int vocabulary) {
        return read(file, vocabulary, 2, "[B, T + 1]")[0];
    }

    /// The batches of `file` (S, B, T + 1), each checked to be below `vocabulary`.
    static int[][][] batches(Path file, int vocabulary) {
        return read(file, vocabulary, 3, "[S, B, T + 1]");
    }

    private static int[][][] read(Path file, int vocabulary, int rank, String expected) {
        NpyArray array = Npy.read(file);
        Shape shape = array.shape();
        if (shape.rank() != rank || shape.elements() == 0 || shape.size(-1) < 2) {
            throw new AnserException(
                    file
                            + ": has shape "
                            + shape
                            + "; expected token ids "
                            + expected
                            + " with T of 1 or more");
        }
        int[] ids = array.ints();
        TokenIds.requireBelow(vocabulary, ids, file.toString());
        int steps = rank == 2 ? 1 : Math.toIntExact(shape.size(0));
        int sequences = Math.toIntExact(shape.size(-2));
        int length = Math.toIntExact(shape.size(-1));
        int[][][] batches = new int[steps][sequences][length];
        for (int i = 0; i < steps * sequences; i++) {
            System.arraycopy(ids, i * length, batches[i / sequences][i % sequences], 0, length);
        }
        return batches;
    }
}
