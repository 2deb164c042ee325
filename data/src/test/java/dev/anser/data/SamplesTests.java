package dev.anser.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SamplesTests {
    @TempDir Path folder;

    private record Sample(int[] tokens, boolean[] counts) {}

    private static Sample read(Samples samples, long index) {
        int[] tokens = new int[samples.length() + 1];
        boolean[] counts = new boolean[samples.length()];
        Arrays.fill(tokens, -1);
        samples.read(index, tokens, counts);
        return new Sample(tokens, counts);
    }

    @Test
    void magicPrimesAreThoseOfTheOfficialScripts() {
        // RWKV-LM's README: minipile, 1 498 226 207 tokens, context 512.
        assertThat(MagicPrime.of(1_498_226_207L, 512)).isEqualTo(2_926_181);
        // And the Pile, 332 115 325 534 tokens, context 4096.
        assertThat(MagicPrime.of(332_115_325_534L, 4096)).isEqualTo(81_082_817);
        assertThat(MagicPrime.of(14, 7)).isEqualTo(-1);
        assertThat(MagicPrime.of(21, 7)).isEqualTo(2);
        assertThat(MagicPrime.of(20, 7)).isEqualTo(-1);
        assertThat(MagicPrime.of(6 * 7, 7)).isEqualTo(5);
    }

    @ParameterizedTest
    @ValueSource(
            longs = {2, 5, 11, 2_926_181, 81_082_817, 4_294_967_291L, 1_152_921_504_606_846_803L})
    void windowsAreThoseOfAnIndependentComputation(long prime) {
        BigInteger p = BigInteger.valueOf(prime);
        // Python: int(magic_prime * ((math.sqrt(5) - 1) / 2)), of doubles.
        BigInteger factor =
                new BigDecimal((double) prime * ((Math.sqrt(5) - 1) / 2)).toBigInteger();
        for (long ii : new long[] {1, 2, 3, 1000, 40_320, 40_321, 123_456_789, 98_765_432_109L}) {
            BigInteger expected = factor.multiply(BigInteger.valueOf(ii).pow(3)).mod(p);
            assertThat(MagicPrime.window(prime, ii)).isEqualTo(expected.longValueExact());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {21, 42, 700, 1021, 5000})
    void theOfficialOrderVisitsEveryWindowOnce(int tokens) {
        try (OfficialSamples samples = new OfficialSamples(Data.counting(folder, tokens), 7)) {
            int count = (int) samples.count();
            assertThat(count)
                    .isEqualTo((int) samples.prime())
                    .isEqualTo((int) MagicPrime.of(tokens, 7));
            BitSet seen = new BitSet();
            for (int i = 0; i < count; i++) {
                Sample sample = read(samples, i);
                int start = sample.tokens()[0];
                assertThat(start % 7).isZero();
                assertThat(seen.get(start / 7)).isFalse();
                seen.set(start / 7);
                for (int t = 0; t <= 7; t++) {
                    assertThat(sample.tokens()[t]).isEqualTo(start + t);
                }
                assertThat(sample.counts()).containsOnly(true);
                assertThat(read(samples, i + 3L * count).tokens()).isEqualTo(sample.tokens());
            }
            assertThat(seen.cardinality()).isEqualTo(count);
            assertThat(seen.length()).isEqualTo(count);
        }
    }

    @Test
    void theFirstOfficialSampleIsNumberOne() {
        // P = 11, f = int(6.79…) = 6; ii = 1, 2, 3: 6, 48 mod 11 = 4, 162 mod 11 = 8.
        try (OfficialSamples samples = new OfficialSamples(Data.counting(folder, 12 * 7), 7)) {
            assertThat(samples.prime()).isEqualTo(11);
            assertThat(read(samples, 0).tokens()[0]).isEqualTo(6 * 7);
            assertThat(read(samples, 1).tokens()[0]).isEqualTo(4 * 7);
            assertThat(read(samples, 2).tokens()[0]).isEqualTo(8 * 7);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 7, 8, 9, 15, 16, 64, 127})
    void sequentialWindowsCountEveryTargetOnce(int tokens) {
        try (SequentialSamples samples = new SequentialSamples(Data.counting(folder, tokens), 7)) {
            int[] seen = new int[tokens];
            for (int i = 0; i < samples.count(); i++) {
                Sample sample = read(samples, i);
                for (int t = 0; t < 7; t++) {
                    if (sample.counts()[t]) {
                        assertThat(sample.tokens()[t + 1]).isEqualTo(sample.tokens()[t] + 1);
                        seen[sample.tokens()[t + 1]]++;
                    } else {
                        assertThat(sample.tokens()[t + 1]).isZero();
                    }
                }
            }
            assertThat(seen[0]).isZero();
            assertThat(Arrays.copyOfRange(seen, 1, tokens)).containsOnly(1);
        }
    }

    @Test
    void randomWindowsFollowFromSeedAndNumberAndReachBothEnds() {
        BitSet starts = new BitSet();
        try (RandomSamples samples = new RandomSamples(Data.counting(folder, 100), 15, 3);
                RandomSamples other = new RandomSamples(Data.counting(folder, 100), 15, 4)) {
            boolean differ = false;
            for (int i = 0; i < 2000; i++) {
                Sample sample = read(samples, i);
                int start = sample.tokens()[0];
                starts.set(start);
                assertThat(sample.tokens()[15]).isEqualTo(start + 15);
                assertThat(sample.counts()).containsOnly(true);
                assertThat(read(samples, i).tokens()).isEqualTo(sample.tokens());
                differ |= read(other, i).tokens()[0] != start;
            }
            assertThat(differ).isTrue();
            assertThat(samples.fingerprint()).isNotEqualTo(other.fingerprint());
        }
        assertThat(starts.cardinality()).isEqualTo(85);
        assertThat(starts.length()).isEqualTo(85);
    }

    @Test
    void packedSamplesHoldWholeDocumentsAndCountEveryTargetOfThemOnce() {
        int[] sizes = {3, 4, 1, 8, 9, 30, 2, 2, 2, 5, 0, 16, 1};
        int[][] documents = new int[sizes.length][];
        int next = 1;
        for (int d = 0; d < sizes.length; d++) {
            documents[d] = new int[sizes[d]];
            for (int i = 0; i < sizes[d]; i++) {
                documents[d][i] = next++;
            }
        }
        try (PackedSamples samples = new PackedSamples(Data.binidx(folder, documents), 8, 1)) {
            int[] seen = new int[next];
            int counted = 0;
            for (int i = 0; i < samples.count(); i++) {
                Sample sample = read(samples, i);
                for (int t = 0; t < 8; t++) {
                    if (sample.counts()[t]) {
                        assertThat(sample.tokens()[t + 1]).isEqualTo(sample.tokens()[t] + 1);
                        seen[sample.tokens()[t + 1]]++;
                        counted++;
                    } else {
                        assertThat(sample.tokens()[t + 1]).isZero();
                    }
                }
            }
            int token = 1;
            for (int[] document : documents) {
                token++;
                for (int i = 1; i < document.length; i++) {
                    assertThat(seen[token++]).isEqualTo(1);
                }
                if (document.length == 0) {
                    token--;
                }
            }
            assertThat(samples.filled())
                    .isEqualTo((double) counted / (samples.count() * 8.0))
                    .isGreaterThan(0.7);
        }
    }

    @Test
    void aPartIsReadAsIfItWereAlone() {
        try (Tokens part = Data.counting(folder, 100).part(0.9, 1);
                SequentialSamples samples = new SequentialSamples(part, 4)) {
            assertThat(part.size()).isEqualTo(10);
            assertThat(read(samples, 0).tokens()).containsExactly(90, 91, 92, 93, 94);
            assertThatThrownBy(() -> part.read(6, new int[5], 0, 5))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void dataThatIsTooShortIsRefused() {
        assertThatThrownBy(() -> new OfficialSamples(Data.counting(folder, 20), 7))
                .isInstanceOf(DataException.class)
                .hasMessageContainingAll("20 tokens", "at least 21");
        assertThatThrownBy(() -> new RandomSamples(Data.counting(folder, 7), 7, 0))
                .hasMessageContaining("at least 8");
        assertThatThrownBy(() -> new SequentialSamples(Data.counting(folder, 1), 7))
                .hasMessageContaining("at least 2");
        assertThatThrownBy(() -> Data.counting(folder, 10).part(0.5, 0.5))
                .hasMessageContaining("0.5 to 0.5");
        assertThatThrownBy(() -> new OfficialSamples(Data.counting(folder, 20), 0))
                .hasMessageContaining("context is 0");
    }
}
