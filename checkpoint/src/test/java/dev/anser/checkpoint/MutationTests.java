package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Reads thousands of damaged versions of honest files: bits flipped, numbers rewritten, pieces cut
/// out, doubled and swapped between files.
///
/// The inputs come from a fixed seed, so that every run is the same; `-Danser.mutations=N` asks for
/// more of them and `-Danser.seed=S` for others. Not guided by coverage: that is [ReaderFuzzTests].
class MutationTests {
    private static final int INPUTS = Integer.getInteger("anser.mutations", 3_000);
    private static final long SEED = Long.getLong("anser.seed", 1);
    private static final long MAX_HEAP_BYTES = 32L << 20;

    @ParameterizedTest
    @EnumSource
    void everySeedIsHonest(Reader reader) {
        assertThat(reader.seeds()).allMatch(reader::accepts);
    }

    @ParameterizedTest
    @EnumSource
    void aDamagedFileReadsOrIsRefusedAndTakesLittleHeap(Reader reader) {
        ThreadMXBean memory = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        List<byte[]> seeds = reader.seeds();
        int accepted = 0;
        long most = 0;
        for (int i = 0; i < INPUTS; i++) {
            SplittableRandom random = new SplittableRandom(SEED * 1_000_003 + i);
            byte[] input = Mutation.of(seeds, random);
            long before = memory.getCurrentThreadAllocatedBytes();
            try {
                accepted += reader.accepts(input) ? 1 : 0;
            } catch (RuntimeException | Error e) {
                throw new AssertionError(
                        reader + " fails at input " + i + " of seed " + SEED + ": " + e, e);
            }
            most = Math.max(most, memory.getCurrentThreadAllocatedBytes() - before);
        }
        System.out.printf(
                "%s: %d inputs, %d accepted, at most %d kB of heap for one%n",
                reader, INPUTS, accepted, most >> 10);
        assertThat(most).isLessThan(MAX_HEAP_BYTES);
        // Were all refused at their first byte, nothing would have been tested.
        assertThat(accepted).isPositive();
        assertThat(accepted).isLessThan(INPUTS);
    }
}
