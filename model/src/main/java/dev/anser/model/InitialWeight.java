package dev.anser.model;

import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.util.Arrays;

/// One tensor of a new model and the rule for its values.
///
/// @param name the official name
/// @param shape the official shape
/// @param rule the values
public record InitialWeight(String name, Shape shape, Rule rule) {
    /// Elements that are filled in at a time; even, for normal numbers come in pairs.
    private static final int PART = 1 << 16;

    /// How the values of a tensor come about.
    public sealed interface Rule {
        /// These values; owned by the rule, not to be changed.
        record Listed(float[] values) implements Rule {}

        /// Independent, even between -`bound` and `bound`; `key` tells the tensors of a model
        /// apart.
        record Uniform(float bound, long key) implements Rule {}

        /// Independent, normally distributed around zero; `key` tells the tensors of a model apart.
        record Normal(float deviation, long key) implements Rule {}

        /// Zeros.
        record Zero() implements Rule {}

        /// Orthogonal rows or columns, whichever are fewer, of length `gain`; `key` tells the
        /// tensors of a model apart.
        record Orthogonal(float gain, long key) implements Rule {}
    }

    /// Sets all elements of `target`, of this shape in F32, F16 or BF16.
    public void fill(Tensor target, Threads threads) {
        if (rule instanceof Rule.Orthogonal orthogonal) {
            fillOrthogonal(orthogonal, target, threads);
            return;
        }
        long elements = shape.elements();
        threads.run(
                (part, worker) -> {
                    long from = (long) part * PART;
                    int count = (int) Math.min(PART, elements - from);
                    float[] values = new float[count];
                    values(from, values);
                    for (int i = 0; i < count; i++) {
                        target.set(from + i, values[i]);
                    }
                },
                Math.toIntExact((elements + PART - 1) / PART));
    }

    private void values(long offset, float[] into) {
        switch (rule) {
            case Rule.Listed listed ->
                    System.arraycopy(
                            listed.values(), Math.toIntExact(offset), into, 0, into.length);
            case Rule.Uniform even -> {
                float scale = even.bound() * 0x1p-23f;
                for (int i = 0; i < into.length; i++) {
                    // 24 random bits as an odd number of 2^-24ths: symmetric, and never zero.
                    into[i] = (bits(even.key(), offset + i) - 0x7fffff.8p0f) * scale;
                }
            }
            case Rule.Normal normal ->
                    NormalNumbers.fill(into, offset, normal.key(), normal.deviation());
            case Rule.Zero _, Rule.Orthogonal _ -> Arrays.fill(into, 0f);
        }
    }

    private static void fillOrthogonal(Rule.Orthogonal orthogonal, Tensor target, Threads threads) {
        if (target.dtype() == DType.F32) {
            OrthogonalMatrix.fill(target, orthogonal.gain(), orthogonal.key(), threads);
            return;
        }
        try (Arena arena = Arena.ofShared()) {
            Tensor exact = Tensor.allocate(arena, DType.F32, target.shape().sizes());
            OrthogonalMatrix.fill(exact, orthogonal.gain(), orthogonal.key(), threads);
            threads.run(
                    (row, worker) -> {
                        int columns = target.columns();
                        for (long i = 0; i < columns; i++) {
                            long place = (long) row * columns + i;
                            target.set(place, exact.get(place));
                        }
                    },
                    target.rows());
        }
    }

    /// What tells the random numbers of the tensor `name`, in a model of this seed, from those of
    /// all others.
    public static long key(long seed, String name) {
        return mix(seed ^ mix(hash(name)));
    }

    /// FNV-1a over the characters of `name`.
    private static long hash(String name) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < name.length(); i++) {
            hash = (hash ^ name.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }

    /// 24 random bits.
    private static long bits(long key, long place) {
        return mix(key + place * 0x9e3779b97f4a7c15L) >>> 40;
    }

    /// A random number between 0 and 1, both excluded.
    static double uniform(long key, long place) {
        return (bits(key, place) + 0.5) * 0x1p-24;
    }

    /// The output function of SplitMix64 (Steele, Lea and Flood 2014).
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
