package dev.anser.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// The kernels on the Vector API, one file a family.
final class VectorKernels implements Kernels {
    private final float[][] panels;

    /// Kernels for a team of `workers`.
    VectorKernels(int workers) {
        panels = new float[workers][0];
    }

    private float[] panel(int worker, int floats) {
        if (panels[worker].length < floats) {
            panels[worker] = new float[floats];
        }
        return panels[worker];
    }

    @Override
    public GradientKernels gradients() {
        return new VectorGradients();
    }

    @Override
    public HeadKernels heads() {
        return new VectorHeads();
    }

    @Override
    public void toFloat(DType type, long source, long target, int count, int worker) {
        float[] panel = panel(worker, count);
        Widen.toFloats(type, source, panel, count);
        MemorySegment.copy(panel, 0, Memory.ALL, ValueLayout.JAVA_FLOAT_UNALIGNED, target, count);
    }

    @Override
    public void toBfloat16(long x, long y, int count) {
        VectorBfloat16.store(x, y, count);
    }

    @Override
    public void roundToBfloat16(long x, long y, int count) {
        VectorBfloat16.round(x, y, count);
    }

    @Override
    public void roundToEightBits(DType weights, long x, long y, int count) {
        VectorEightBits.round(weights, x, y, count);
    }

    @Override
    public boolean multipliesEightBits(DType type) {
        return VectorBlockIntegers.multiplies(type);
    }

    @Override
    public void roundToEightBits(DType weights, long x, int count, EightBitRow row) {
        VectorEightBits.round(weights, x, count, row);
    }

    @Override
    public void linear(
            DType type, EightBitRow x, int in, long w, int from, int to, long y, int worker) {
        VectorBlockIntegers.linear(type, x, in, w, from, to, y, panel(worker, 4 * in));
    }

    @Override
    public boolean allFinite(long x, int count) {
        return VectorElementwise.allFinite(x, count);
    }

    @Override
    public void linear(
            DType type,
            long x,
            int rows,
            int in,
            long w,
            int out,
            int from,
            int to,
            long y,
            int worker) {
        VectorLinear.linear(type, x, rows, in, w, out, from, to, y, panel(worker, 4 * in));
    }

    @Override
    public void project(
            DType type,
            long x,
            int rows,
            int in,
            long w,
            int out,
            int from,
            int to,
            long y,
            int worker) {
        int floats = Math.max(VectorProject.PANEL_FLOATS, to - from);
        VectorProject.project(type, x, rows, in, w, out, from, to, y, panel(worker, floats));
    }

    @Override
    public void addOuter(long a, long b, int rows, int out, int in, int from, int to, long target) {
        VectorOuter.addOuter(a, b, rows, out, in, from, to, target);
    }

    @Override
    public void add(long a, long b, long y, int count) {
        VectorElementwise.add(a, b, y, count);
    }

    @Override
    public void exp(long x, long y, int count) {
        VectorMath.exp(x, y, count);
    }

    @Override
    public void tanh(long x, long y, int count) {
        VectorMath.tanh(x, y, count);
    }

    @Override
    public void sigmoid(long x, long y, int count) {
        VectorMath.sigmoid(x, y, count);
    }

    @Override
    public void reluSquared(long x, long y, int count) {
        VectorElementwise.reluSquared(x, y, count);
    }

    @Override
    public void sigmoidWithBias(long x, long bias, long y, int count) {
        VectorElementwise.sigmoidWithBias(x, bias, y, count);
    }

    @Override
    public void lerp(long from, long to, long weight, long y, int count) {
        VectorElementwise.lerp(from, to, weight, y, count);
    }

    @Override
    public void decay7(long x, long bias, long y, int count) {
        VectorElementwise.decay7(x, bias, y, count);
    }

    @Override
    public void layerNorm(long x, long weight, long bias, float epsilon, long y, int count) {
        VectorNorm.normalise(x, weight, bias, epsilon, y, count);
    }

    @Override
    public void keys7(
            long k,
            long a,
            long keyScale,
            long keyRate,
            long key,
            long removal,
            long inContext,
            int size) {
        VectorNorm.keys7(k, a, keyScale, keyRate, key, removal, inContext, size);
    }

    @Override
    public void wkv7(
            long r,
            long w,
            long k,
            long v,
            long a,
            long b,
            long y,
            int size,
            int from,
            int to,
            int stride,
            int tokens,
            long state,
            long removed) {
        VectorWkv7.wkv7(r, w, k, v, a, b, y, size, from, to, stride, tokens, state, removed);
    }

    @Override
    public void wkv7Gradient(Wkv7Span span) {
        VectorWkv7Gradient.run(span);
    }

    @Override
    public void wkv6(
            long r,
            long w,
            long k,
            long v,
            long bonus,
            long y,
            int size,
            int from,
            int to,
            int stride,
            int decayStride,
            int tokens,
            long state) {
        VectorWkv6.wkv6(r, w, k, v, bonus, y, size, from, to, stride, decayStride, tokens, state);
    }

    @Override
    public void wkv4(
            long w,
            long u,
            long k,
            long v,
            long y,
            long numerator,
            long denominator,
            long exponent,
            int count,
            long scratch) {
        VectorWkv4.wkv4(w, u, k, v, y, numerator, denominator, exponent, count, scratch);
    }

    @Override
    public void gatedGroupNorm7(
            long x,
            long weight,
            long bias,
            float epsilon,
            long r,
            long k,
            long v,
            long bonus,
            long g,
            long y,
            int size) {
        VectorNorm.gatedGroupNorm7(x, weight, bias, epsilon, r, k, v, bonus, g, y, size);
    }
}
