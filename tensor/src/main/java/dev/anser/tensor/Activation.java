package dev.anser.tensor;

/// What stands between the two halves of a feed-forward part, or opens a gate.
public enum Activation {
    /// `1 / (1 + e^-x)`.
    SIGMOID {
        @Override
        void value(HeadKernels kernels, long x, long y, int size) {
            kernels.sigmoid(x, y, size);
        }

        @Override
        void slope(HeadKernels kernels, long x, long y, int size) {
            kernels.sigmoidSlope(x, y, size);
        }
    },
    /// `x / (1 + e^-x)` (arXiv 1702.03118), also called swish.
    SILU {
        @Override
        void value(HeadKernels kernels, long x, long y, int size) {
            kernels.silu(x, y, size);
        }

        @Override
        void slope(HeadKernels kernels, long x, long y, int size) {
            kernels.siluSlope(x, y, size);
        }
    },
    /// `x Φ(x)` (arXiv 1606.08415), by the error function and not its approximation by tanh.
    GELU {
        @Override
        void value(HeadKernels kernels, long x, long y, int size) {
            kernels.gelu(x, y, size);
        }

        @Override
        void slope(HeadKernels kernels, long x, long y, int size) {
            kernels.geluSlope(x, y, size);
        }
    };

    /// `y = f(x)`.
    abstract void value(HeadKernels kernels, long x, long y, int size);

    /// `y = f'(x)`.
    abstract void slope(HeadKernels kernels, long x, long y, int size);
}
