package dev.anser.tensor;

/// Turns pairs of channels of every head by the angles of [Rotations]: `(a, b)` becomes `(a cos - b
/// sin, b cos + a sin)`. Channels of a head beyond the pairs stay as they are.
public final class RotaryEmbedding extends Operation {
    /// Which channels of a head are pairs.
    public enum Pairs {
        /// Channel i and channel i + pairs: LLaMA and GPT-NeoX as Hugging Face has them.
        HALVES,
        /// Channels 2i and 2i + 1: the papers, RetNet.
        ADJACENT
    }

    private final Tensor x;
    private final Tensor rotations;
    private final int headSize;
    private final Pairs pairs;

    /// @param x (R, H · N)
    /// @param rotations (R, 2 · pairs), at most N
    /// @param headSize N
    public RotaryEmbedding(Tensor x, Tensor rotations, int headSize, Pairs pairs) {
        this.x = x;
        this.rotations = rotations;
        this.headSize = headSize;
        this.pairs = pairs;
    }

    @Override
    String name() {
        return "rotaryEmbedding";
    }

    @Override
    Tensor forward(Pass pass) {
        if (headSize < 1
                || x.columns() % headSize != 0
                || rotations.columns() > headSize
                || rotations.rows() != x.rows()) {
            throw new ShapeException(
                    "rotary embedding of "
                            + x
                            + " in heads of "
                            + headSize
                            + " by rotations "
                            + rotations
                            + ": expected as many rows, and at most a head of columns");
        }
        Tensor y = pass.allocate(x.rows(), x.columns());
        pass.parts(x.rows(), grain(), (from, to, _) -> turn(x, y, from, to, 1, false));
        return y;
    }

    /// Turns back by the same angles.
    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        gradients.parts(
                x.rows(),
                grain(),
                (from, to, _) -> turn(dy, dx.gradient(), from, to, -1, dx.add()));
    }

    private int grain() {
        return Math.max(1, (1 << 14) / x.columns());
    }

    private void turn(Tensor source, Tensor target, int from, int to, int direction, boolean add) {
        int columns = source.columns();
        for (int row = from; row < to; row++) {
            long angles = rotations.address() + 4L * row * rotations.columns();
            for (int head = 0; head < columns; head += headSize) {
                long at = 4L * ((long) row * columns + head);
                turnHead(source.address() + at, target.address() + at, angles, direction, add);
            }
        }
    }

    private void turnHead(long source, long target, long angles, int direction, boolean add) {
        int count = rotations.columns() / 2;
        boolean halves = pairs == Pairs.HALVES;
        for (int i = 0; i < count; i++) {
            int first = halves ? i : 2 * i;
            int second = halves ? i + count : 2 * i + 1;
            float a = Memory.get(source, first);
            float b = Memory.get(source, second);
            float cos = Memory.get(angles, i);
            float sin = Memory.get(angles, count + i) * direction;
            put(target, first, a * cos - b * sin, add);
            put(target, second, b * cos + a * sin, add);
        }
        for (int i = 2 * count; i < headSize; i++) {
            put(target, i, Memory.get(source, i), add);
        }
    }

    private static void put(long target, int index, float value, boolean add) {
        Memory.set(target, index, add ? Memory.get(target, index) + value : value);
    }
}
