package dev.anser.data;

import java.math.BigInteger;

/// The prime and the permutation with which RWKV's trainer draws samples.
///
/// Sample number `ii` (from 1) begins at `((f * ii^3) mod P) * T` tokens, with `P` the magic prime
/// and `f = int(P * (sqrt(5) - 1) / 2)`. Cubing is a permutation of the residues because 3 does not
/// divide `P - 1`. (RWKV-LM, `train_temp/src/dataset.py` and `make_data.py`.)
public final class MagicPrime {
    private MagicPrime() {}

    /// The largest prime of the form 3n + 2 that is at most `tokens / context - 1`, or -1 when
    /// there is none: the data has fewer than three windows.
    public static long of(long tokens, int context) {
        for (long n = tokens / context - 1; n >= 2; n--) {
            // 64 bits hold every candidate, for which Miller-Rabin at this certainty does not err.
            if (n % 3 == 2 && BigInteger.valueOf(n).isProbablePrime(80)) {
                return n;
            }
        }
        return -1;
    }

    /// `(f * ii^3) mod prime`, the window of sample `ii`.
    public static long window(long prime, long ii) {
        // As Python computes it, in double precision.
        long factor = (long) (prime * ((Math.sqrt(5) - 1) / 2));
        long residue = ii % prime;
        long window = factor % prime;
        for (int i = 0; i < 3; i++) {
            window = product(window, residue, prime);
        }
        return window;
    }

    private static long product(long a, long b, long modulus) {
        if (Math.multiplyHigh(a, b) == 0 && a * b >= 0) {
            return a * b % modulus;
        }
        return BigInteger.valueOf(a)
                .multiply(BigInteger.valueOf(b))
                .mod(BigInteger.valueOf(modulus))
                .longValueExact();
    }
}
