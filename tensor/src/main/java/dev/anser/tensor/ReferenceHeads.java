package dev.anser.tensor;

/// What the kernels of attention, retention and their gates mean, in plain Java.
final class ReferenceHeads implements HeadKernels {
    @Override
    public float dot(long a, long b, int size) {
        float sum = 0;
        for (int i = 0; i < size; i++) {
            sum = Math.fma(Memory.get(a, i), Memory.get(b, i), sum);
        }
        return sum;
    }

    @Override
    public void dots(long x, long rows, long stride, int count, int size, long sums) {
        for (int j = 0; j < count; j++) {
            Memory.set(sums, j, dot(x, rows + 4 * stride * j, size));
        }
    }

    @Override
    public void addRows(long weights, long rows, long stride, int count, int size, long sum) {
        for (int i = 0; i < size; i++) {
            float total = Memory.get(sum, i);
            for (int j = 0; j < count; j++) {
                total = Math.fma(Memory.get(weights, j), Memory.get(rows, stride * j + i), total);
            }
            Memory.set(sum, i, total);
        }
    }

    @Override
    public void addOuter(long weights, long x, int count, int size, long rows, long stride) {
        for (int j = 0; j < count; j++) {
            float weight = Memory.get(weights, j);
            for (int i = 0; i < size; i++) {
                long at = stride * j + i;
                Memory.set(rows, at, Math.fma(weight, Memory.get(x, i), Memory.get(rows, at)));
            }
        }
    }

    @Override
    public void scale(long x, float factor, long y, int size) {
        for (int i = 0; i < size; i++) {
            Memory.set(y, i, Memory.get(x, i) * factor);
        }
    }

    @Override
    public void multiply(long a, long b, float factor, long y, int size) {
        for (int i = 0; i < size; i++) {
            Memory.set(y, i, Memory.get(a, i) * factor * Memory.get(b, i));
        }
    }

    @Override
    public void addProduct(long a, long b, float factor, long y, int size) {
        for (int i = 0; i < size; i++) {
            float product = Memory.get(a, i) * factor;
            Memory.set(y, i, Math.fma(product, Memory.get(b, i), Memory.get(y, i)));
        }
    }

    @Override
    public void combination(long x, float a, long y, float b, long target, boolean add, int size) {
        for (int i = 0; i < size; i++) {
            float sum = Math.fma(Memory.get(x, i), a, Memory.get(y, i) * b);
            Memory.set(target, i, add ? Memory.get(target, i) + sum : sum);
        }
    }

    @Override
    public void exponentials(long x, float factor, float shift, long y, int size) {
        for (int i = 0; i < size; i++) {
            Memory.set(y, i, (float) Math.exp(Math.fma(Memory.get(x, i), factor, -shift)));
        }
    }

    @Override
    public void sigmoid(long x, long y, int size) {
        for (int i = 0; i < size; i++) {
            Memory.set(y, i, (float) (1 / (1 + Math.exp(-Memory.get(x, i)))));
        }
    }

    @Override
    public void sigmoidSlope(long x, long y, int size) {
        for (int i = 0; i < size; i++) {
            double sigmoid = 1 / (1 + Math.exp(-Memory.get(x, i)));
            Memory.set(y, i, (float) (sigmoid * (1 - sigmoid)));
        }
    }

    @Override
    public void silu(long x, long y, int size) {
        for (int i = 0; i < size; i++) {
            double value = Memory.get(x, i);
            Memory.set(y, i, (float) (value / (1 + Math.exp(-value))));
        }
    }

    @Override
    public void siluSlope(long x, long y, int size) {
        for (int i = 0; i < size; i++) {
            double value = Memory.get(x, i);
            double sigmoid = 1 / (1 + Math.exp(-value));
            Memory.set(y, i, (float) (sigmoid * (1 + value * (1 - sigmoid))));
        }
    }

    @Override
    public void gelu(long x, long y, int size) {
        for (int i = 0; i < size; i++) {
            double value = Memory.get(x, i);
            Memory.set(y, i, (float) (value * ErrorFunction.normal(value)));
        }
    }

    @Override
    public void geluSlope(long x, long y, int size) {
        for (int i = 0; i < size; i++) {
            double value = Memory.get(x, i);
            double density = Math.exp(-value * value / 2) / Math.sqrt(2 * Math.PI);
            Memory.set(y, i, (float) (ErrorFunction.normal(value) + value * density));
        }
    }

    @Override
    public float retain(long state, float decay, float added, long key, long query, int size) {
        float sum = 0;
        for (int i = 0; i < size; i++) {
            float value = Math.fma(added, Memory.get(key, i), Memory.get(state, i) * decay);
            Memory.set(state, i, value);
            sum = Math.fma(Memory.get(query, i), value, sum);
        }
        return sum;
    }
}
