package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

/// What every kernel means, in plain Java. The truth that the fast ones are tested against; runs
/// anywhere.
final class ReferenceKernels implements Kernels {
    /// `e^(-1/2)`: the slowest decay exponent of RWKV-7.
    static final float DECAY_RATE = 0.60653066f;

    /// The smallest length by which RWKV-7 normalises a removal key.
    static final float KEY_EPSILON = 1e-12f;

    @Override
    public GradientKernels gradients() {
        return new ReferenceGradients();
    }

    @Override
    public HeadKernels heads() {
        return new ReferenceHeads();
    }

    @Override
    public void toFloat(DType type, long source, long target, int count, int worker) {
        for (int i = 0; i < count; i++) {
            set(target, i, get(type, source, i));
        }
    }

    @Override
    public void toBfloat16(long x, long y, int count) {
        for (int i = 0; i < count; i++) {
            Memory.setShort(y, i, Tensor.floatToBfloat16(get(x, i)));
        }
    }

    @Override
    public void roundToEightBits(DType weights, long x, long y, int count) {
        EightBits.round(weights, x, y, count);
    }

    @Override
    public void roundToBfloat16(long x, long y, int count) {
        for (int i = 0; i < count; i++) {
            set(y, i, Float.intBitsToFloat(Tensor.floatToBfloat16(get(x, i)) << 16));
        }
    }

    @Override
    public boolean allFinite(long x, int count) {
        for (int i = 0; i < count; i++) {
            if (!Float.isFinite(get(x, i))) {
                return false;
            }
        }
        return true;
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
        for (int row = 0; row < rows; row++) {
            for (int o = from; o < to; o++) {
                float sum = 0;
                for (int i = 0; i < in; i++) {
                    sum =
                            Math.fma(
                                    get(x, (long) row * in + i),
                                    get(type, w, (long) o * in + i),
                                    sum);
                }
                set(y, (long) row * out + o, sum);
            }
        }
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
        for (int row = 0; row < rows; row++) {
            for (int o = from; o < to; o++) {
                float sum = 0;
                for (int i = 0; i < in; i++) {
                    sum =
                            Math.fma(
                                    get(x, (long) row * in + i),
                                    get(type, w, (long) i * out + o),
                                    sum);
                }
                set(y, (long) row * out + o, sum);
            }
        }
    }

    @Override
    public void addOuter(long a, long b, int rows, int out, int in, int from, int to, long target) {
        for (int o = from; o < to; o++) {
            for (int i = 0; i < in; i++) {
                long place = (long) o * in + i;
                float sum = get(target, place);
                for (int row = 0; row < rows; row++) {
                    sum = Math.fma(get(a, (long) row * out + o), get(b, (long) row * in + i), sum);
                }
                set(target, place, sum);
            }
        }
    }

    @Override
    public void add(long a, long b, long y, int count) {
        for (int i = 0; i < count; i++) {
            set(y, i, get(a, i) + get(b, i));
        }
    }

    @Override
    public void exp(long x, long y, int count) {
        for (int i = 0; i < count; i++) {
            set(y, i, (float) Math.exp(get(x, i)));
        }
    }

    @Override
    public void tanh(long x, long y, int count) {
        for (int i = 0; i < count; i++) {
            set(y, i, (float) Math.tanh(get(x, i)));
        }
    }

    @Override
    public void sigmoid(long x, long y, int count) {
        for (int i = 0; i < count; i++) {
            set(y, i, sigmoid(get(x, i)));
        }
    }

    @Override
    public void reluSquared(long x, long y, int count) {
        for (int i = 0; i < count; i++) {
            float positive = Math.max(get(x, i), 0);
            set(y, i, positive * positive);
        }
    }

    @Override
    public void sigmoidWithBias(long x, long bias, long y, int count) {
        for (int i = 0; i < count; i++) {
            set(y, i, sigmoid(get(bias, i) + get(x, i)));
        }
    }

    @Override
    public void lerp(long from, long to, long weight, long y, int count) {
        for (int i = 0; i < count; i++) {
            float start = get(from, i);
            set(y, i, Math.fma(get(to, i) - start, get(weight, i), start));
        }
    }

    @Override
    public void decay7(long x, long bias, long y, int count) {
        for (int i = 0; i < count; i++) {
            set(y, i, (float) Math.exp(-DECAY_RATE * sigmoid(get(bias, i) + get(x, i))));
        }
    }

    @Override
    public void layerNorm(long x, long weight, long bias, float epsilon, long y, int count) {
        normalise(x, weight, bias, epsilon, y, count);
    }

    /// `y = (x - mean) / sqrt(variance + epsilon) · weight + bias`.
    private static void normalise(
            long x, long weight, long bias, float epsilon, long y, int count) {
        float sum = 0;
        for (int i = 0; i < count; i++) {
            sum += get(x, i);
        }
        float mean = sum / count;
        float squares = 0;
        for (int i = 0; i < count; i++) {
            float difference = get(x, i) - mean;
            squares = Math.fma(difference, difference, squares);
        }
        float scale = (float) (1 / Math.sqrt(squares / count + epsilon));
        for (int i = 0; i < count; i++) {
            set(y, i, Math.fma((get(x, i) - mean) * scale, get(weight, i), get(bias, i)));
        }
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
        float squares = 0;
        for (int i = 0; i < size; i++) {
            float scaled = get(k, i) * get(keyScale, i);
            squares = Math.fma(scaled, scaled, squares);
        }
        float inverse = 1 / Math.max((float) Math.sqrt(squares), KEY_EPSILON);
        for (int i = 0; i < size; i++) {
            float raw = get(k, i);
            float rate = get(a, i);
            float unit = raw * get(keyScale, i) * inverse;
            set(key, i, raw * Math.fma(rate - 1, get(keyRate, i), 1));
            set(removal, i, -unit);
            set(inContext, i, unit * rate);
        }
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
            long kept) {
        for (int t = 0; t < tokens; t++) {
            long step = (long) t * stride;
            for (int j = from; j < to; j++) { // each value column of the state evolves alone
                float removed = 0; // u_j = Σ_i a_i S_ij
                for (int i = 0; i < size; i++) {
                    removed = Math.fma(get(a, step + i), get(state, (long) i * size + j), removed);
                }
                if (kept != 0) {
                    set(kept, step + j, removed);
                }
                float value = get(v, step + j);
                float out = 0;
                for (int i = 0; i < size; i++) {
                    float decayed = get(w, step + i) * get(state, (long) i * size + j);
                    float changed = Math.fma(get(b, step + i), removed, decayed);
                    float next = Math.fma(get(k, step + i), value, changed);
                    set(state, (long) i * size + j, next);
                    out = Math.fma(get(r, step + i), next, out);
                }
                set(y, step + j, out);
            }
        }
    }

    @Override
    public void wkv7Gradient(Wkv7Span span) {
        Wkv7Gradient.run(span);
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
        for (int t = 0; t < tokens; t++) {
            long step = (long) t * stride;
            long decay = (long) t * decayStride;
            float own = 0; // Σ_i r_i u_i k_i: what the token's value is weighted with
            for (int i = 0; i < size; i++) {
                own = Math.fma(get(r, step + i) * get(bonus, i), get(k, step + i), own);
            }
            for (int j = from; j < to; j++) {
                float value = get(v, step + j);
                float out = 0;
                for (int i = 0; i < size; i++) {
                    long place = (long) i * size + j;
                    float before = get(state, place);
                    out = Math.fma(get(r, step + i), before, out);
                    float decayed = get(w, decay + i) * before;
                    set(state, place, Math.fma(get(k, step + i), value, decayed));
                }
                set(y, step + j, Math.fma(own, value, out));
            }
        }
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
        for (int i = 0; i < count; i++) {
            float a = get(numerator, i);
            float b = get(denominator, i);
            float key = get(k, i);
            float value = get(v, i);
            float past = get(exponent, i);
            float now = get(u, i) + key;
            float ratio = (float) Math.exp(-Math.abs(past - now));
            float old = past < now ? ratio : 1;
            float own = past < now ? 1 : ratio;
            set(y, i, Math.fma(own, value, old * a) / Math.fma(old, b, own));
            past += get(w, i);
            ratio = (float) Math.exp(-Math.abs(past - key));
            old = past < key ? ratio : 1;
            own = past < key ? 1 : ratio;
            set(numerator, i, Math.fma(own, value, old * a));
            set(denominator, i, Math.fma(old, b, own));
            set(exponent, i, Math.max(past, key));
        }
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
        normalise(x, weight, bias, epsilon, y, size);
        float sum = 0;
        for (int i = 0; i < size; i++) {
            sum = Math.fma(get(r, i) * get(k, i), get(bonus, i), sum);
        }
        for (int i = 0; i < size; i++) {
            set(y, i, Math.fma(sum, get(v, i), get(y, i)) * get(g, i));
        }
    }

    private static float sigmoid(float x) {
        return (float) (1 / (1 + Math.exp(-x)));
    }
}
