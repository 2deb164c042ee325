package dev.anser.tensor;

/// Takes apart what one fused projection made for every head: with heads of `parts` · N channels,
/// part 0 of all heads, then part 1, and so on: the queries, keys and values of GPT-NeoX. Result
/// (parts, R, H · N); see [Tensor#part(int)].
public final class SplitHeads extends Operation {
    private final Tensor x;
    private final int parts;
    private final int headSize;

    /// @param x (R, H · parts · N)
    /// @param headSize N
    public SplitHeads(Tensor x, int parts, int headSize) {
        this.x = x;
        this.parts = parts;
        this.headSize = headSize;
    }

    @Override
    String name() {
        return "splitHeads";
    }

    @Override
    Tensor forward(Pass pass) {
        if (parts < 1 || headSize < 1 || x.columns() % (parts * headSize) != 0) {
            throw new ShapeException(
                    x + " cannot be cut into heads of " + parts + " times " + headSize);
        }
        Tensor y = pass.allocate(parts, x.rows(), x.columns() / parts);
        pass.parts(
                x.rows(),
                16,
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        for (int piece = 0; piece < x.columns() / headSize; piece++) {
                            Memory.copy(
                                    together(x, row, piece), apart(y, row, piece), 4L * headSize);
                        }
                    }
                });
        return y;
    }

    @Override
    void backward(Gradients gradients, Tensor y, Tensor dy) {
        Target dx = gradients.target(x);
        GradientKernels kernels = gradients.kernels();
        gradients.parts(
                x.rows(),
                16,
                (from, to, _) -> {
                    for (int row = from; row < to; row++) {
                        for (int piece = 0; piece < x.columns() / headSize; piece++) {
                            long source = apart(dy, row, piece);
                            long target = together(dx.gradient(), row, piece);
                            if (dx.add()) {
                                kernels.add(source, target, headSize);
                            } else {
                                Memory.copy(source, target, 4L * headSize);
                            }
                        }
                    }
                });
    }

    /// Where piece `piece` of a row stands in the fused tensor.
    private long together(Tensor tensor, int row, int piece) {
        return tensor.address() + 4L * ((long) row * x.columns() + (long) piece * headSize);
    }

    /// Where it stands in its part.
    private long apart(Tensor tensor, int row, int piece) {
        long columns = x.columns() / parts;
        long part = (long) piece % parts * x.rows() + row;
        return tensor.address() + 4L * (part * columns + (long) (piece / parts) * headSize);
    }
}
