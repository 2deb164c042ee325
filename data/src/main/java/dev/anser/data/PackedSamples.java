package dev.anser.data;

import java.util.Arrays;

/// Samples of whole documents: as many as fit into T + 1 tokens, the rest filled up with token 0,
/// which does not count. Only documents longer than that are cut. For short documents this shows
/// the model every one from its beginning, at the price of the filling.
public final class PackedSamples implements Samples {
    private final Binidx data;
    private final int length;
    private final long seed;
    private long[] starts = new long[1024];
    private int[] sizes = new int[1024];
    private int count;
    private long targets;

    /// Packs the documents of `data`, which this closes.
    ///
    /// @param length T
    /// @param seed what the order of the samples follows from
    /// @throws DataException when no document has two tokens
    public PackedSamples(Binidx data, int length, long seed) {
        Windows.requireLength(length);
        this.data = data;
        this.length = length;
        this.seed = seed;
        pack();
        if (count == 0) {
            throw new DataException(
                    "the data has no document of two tokens or more; there is nothing to learn");
        }
        shuffle();
    }

    private void pack() {
        long start = 0;
        long size = 0;
        for (long document = 0; document < data.documents(); document++) {
            long from = data.startOf(document);
            long more = data.sizeOf(document);
            if (size + more > length + 1L || from != start + size) {
                add(start, size);
                start = from;
                size = 0;
            }
            size += more;
            while (size > length + 1L) {
                add(start, length + 1L);
                // The last token of a window is the first of the next: every target counts once.
                start += length;
                size -= length;
            }
        }
        add(start, size);
    }

    private void add(long start, long size) {
        if (size < 2) {
            return;
        }
        if (count == starts.length) {
            starts = Arrays.copyOf(starts, Math.multiplyExact(count, 2));
            sizes = Arrays.copyOf(sizes, starts.length);
        }
        starts[count] = start;
        sizes[count++] = (int) size;
        targets += size - 1;
    }

    private void shuffle() {
        SplitMix random = new SplitMix(seed);
        for (int i = count - 1; i > 0; i--) {
            int other = (int) random.next(i + 1L);
            long start = starts[i];
            starts[i] = starts[other];
            starts[other] = start;
            int size = sizes[i];
            sizes[i] = sizes[other];
            sizes[other] = size;
        }
    }

    /// The share of the targets that count, the others being filling.
    public double filled() {
        return (double) targets / ((double) count * length);
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public long count() {
        return count;
    }

    @Override
    public int largestToken() {
        return data.largest();
    }

    @Override
    public String fingerprint() {
        return data.digest() + " order=packed context=" + length + " seed=" + seed;
    }

    @Override
    public void read(long index, int[] target, boolean[] counts) {
        Windows.requireIndex(index);
        int sample = (int) (index % count);
        int size = sizes[sample];
        data.read(starts[sample], target, 0, size);
        Arrays.fill(target, size, length + 1, 0);
        Arrays.fill(counts, 0, size - 1, true);
        Arrays.fill(counts, size - 1, length, false);
    }

    @Override
    public void close() {
        data.close();
    }
}
