package dev.anser.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// One big product by a library, in blocks that the team takes one by one.
///
/// The cut depends on the shape alone. A block of 256 × 256 results is where a single thread is
/// about as fast as on the whole (measured on AVX2, 1 thread, GFLOP/s of 256 × 256 blocks against
/// whole: 2048×3072×768 52 : 46, 8192×1024×256 72 : 69, blocks of 64 × 512 a third less); smaller
/// ones only where there would be too few to share.
final class BlockProduct implements Threads.Task {
    private static final int BLOCK = 256;
    private static final int SMALLEST_BLOCK = 64;
    private static final int ENOUGH_BLOCKS = 16;

    private final Kernels kernels;
    private final Products products;
    private final Scratch[] scratch;
    private DType type = DType.F32;
    private DType typeB = DType.F32;
    private int m;
    private int n;
    private int k;
    private long a;
    private long b;
    private long c;
    private boolean transposedA;
    private boolean transposedB;
    private long strideA;
    private long strideB;
    private boolean accumulate;
    private int blockRows = 1;
    private int blockColumns = 1;
    private int acrossRows;
    private int acrossColumns;

    BlockProduct(Kernels kernels, Products products, int workers) {
        this.kernels = kernels;
        this.products = products;
        scratch = new Scratch[workers];
        for (int i = 0; i < workers; i++) {
            scratch[i] = new Scratch();
        }
    }

    /// `c (m, n) = op(a) · op(b)`, without gaps between the rows of any of them; `a` holds `type`,
    /// `b` may hold another type, which is then widened block by block.
    void set(
            DType type,
            int m,
            int n,
            int k,
            long a,
            boolean transposedA,
            DType typeB,
            long b,
            boolean transposedB,
            long c,
            boolean accumulate) {
        this.type = type;
        this.typeB = typeB;
        this.m = m;
        this.n = n;
        this.k = k;
        this.a = a;
        this.transposedA = transposedA;
        strideA = transposedA ? m : k;
        this.b = b;
        this.transposedB = transposedB;
        strideB = transposedB ? k : n;
        this.c = c;
        this.accumulate = accumulate;
        cut();
    }

    private void cut() {
        int rows = Math.min(m, BLOCK);
        int columns = Math.min(n, BLOCK);
        while (count(m, rows) * count(n, columns) < ENOUGH_BLOCKS
                && Math.max(rows, columns) > SMALLEST_BLOCK) {
            if (rows > columns) {
                rows = Math.max(SMALLEST_BLOCK, rows / 2);
            } else {
                columns = Math.max(SMALLEST_BLOCK, columns / 2);
            }
        }
        blockRows = even(m, rows, 16);
        // Columns of weights stored (k, n) are cut between their blocks.
        blockColumns = even(n, columns, transposedB ? 16 : Math.max(16, typeB.blockElements()));
        acrossRows = count(m, blockRows);
        acrossColumns = count(n, blockColumns);
    }

    /// Blocks of about the same size, of whole units (vectors): 300 rows are 160 and 140, not 256
    /// and 44.
    private static int even(int total, int block, int unit) {
        int parts = count(total, block);
        return Math.min(total, count(count(total, parts), unit) * unit);
    }

    private static int count(int total, int block) {
        return (total + block - 1) / block;
    }

    int parts() {
        return acrossRows * acrossColumns;
    }

    @Override
    public void run(int part, int worker) {
        // Down the rows first: neighbouring parts share their block of b, the weights.
        int row = part % acrossRows * blockRows;
        int column = part / acrossRows * blockColumns;
        int rows = Math.min(blockRows, m - row);
        int columns = Math.min(blockColumns, n - column);
        long blockA = a + type.bytes(transposedA ? row : row * strideA);
        long blockB = b + typeB.bytes(transposedB ? column * strideB : column);
        long stride = strideB;
        if (typeB != type) {
            blockB = widened(blockB, columns, worker);
            stride = transposedB ? k : columns;
        }
        products.multiply(
                worker,
                type,
                rows,
                columns,
                k,
                blockA,
                transposedA,
                strideA,
                blockB,
                transposedB,
                stride,
                c + 4L * ((long) row * n + column),
                n,
                accumulate);
    }

    private long widened(long block, int columns, int worker) {
        long target = scratch[worker].floats((long) k * columns);
        if (transposedB) {
            for (int row = 0; row < columns; row++) {
                kernels.toFloat(
                        typeB,
                        block + typeB.bytes(row * strideB),
                        target + 4L * row * k,
                        k,
                        worker);
            }
        } else {
            for (int row = 0; row < k; row++) {
                kernels.toFloat(
                        typeB,
                        block + typeB.bytes(row * strideB),
                        target + 4L * row * columns,
                        columns,
                        worker);
            }
        }
        return target;
    }

    void close() {
        for (Scratch each : scratch) {
            each.arena.close();
        }
    }

    /// Memory of one member of the team, which grows.
    private static final class Scratch {
        private Arena arena = Arena.ofShared();
        private MemorySegment memory = MemorySegment.NULL;

        long floats(long count) {
            if (memory.byteSize() < 4 * count) {
                arena.close();
                arena = Arena.ofShared();
                memory = arena.allocate(4 * count, 64);
            }
            return memory.address();
        }
    }
}
