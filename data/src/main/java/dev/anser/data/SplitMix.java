package dev.anser.data;

/// The generator SplitMix64 (Steele, Lea and Flood 2014): its n-th number is a mix of seed and n,
/// so that any of them can be had at once, on any Java.
final class SplitMix {
    private static final long GAMMA = 0x9e3779b97f4a7c15L;

    private long state;

    SplitMix(long seed) {
        this.state = mix(seed);
    }

    /// Number `index` of the sequence that `seed` begins.
    static long at(long seed, long index) {
        return mix(mix(seed) + (index + 1) * GAMMA);
    }

    /// Number `index` of the sequence that `seed` begins, scaled to 0 … `bound` - 1.
    static long at(long seed, long index, long bound) {
        return scale(at(seed, index), bound);
    }

    /// The next number from 0 to `bound` - 1.
    long next(long bound) {
        state += GAMMA;
        return scale(mix(state), bound);
    }

    // The bias of at most bound / 2^64 is nothing beside what a run could notice.
    private static long scale(long bits, long bound) {
        return Math.unsignedMultiplyHigh(bits, bound);
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
