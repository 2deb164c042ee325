package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

import org.jspecify.annotations.Nullable;

/// What every backward step means, in plain Java. The truth that the fast ones are tested against.
final class ReferenceGradients implements GradientKernels {
    private static void put(Target target, long index, float value) {
        set(target.address(), index, target.add() ? get(target.address(), index) + value : value);
    }

    private static void add(long address, long index, float value) {
        set(address, index, get(address, index) + value);
    }

    @Override
    public void pass(Tensor source, Target target, int from, int to) {
        for (int i = from; i < to; i++) {
            put(target, i, get(source.address(), i));
        }
    }

    @Override
    public void add(long source, long target, int count) {
        for (int i = 0; i < count; i++) {
            add(target, i, get(source, i));
        }
    }

    /// `tanh' = 1 - tanh²`.
    @Override
    public void tanh(Tensor y, Tensor dy, Target dx, int from, int to) {
        for (int i = from; i < to; i++) {
            float value = get(y.address(), i);
            put(dx, i, get(dy.address(), i) * Math.fma(-value, value, 1));
        }
    }

    /// `σ' = σ (1 - σ)`.
    @Override
    public void sigmoid(Tensor y, Tensor dy, Target dx, int from, int to) {
        for (int i = from; i < to; i++) {
            float value = get(y.address(), i);
            put(dx, i, get(dy.address(), i) * value * (1 - value));
        }
    }

    /// `(max(x, 0)²)' = 2 max(x, 0)`.
    @Override
    public void reluSquared(Tensor x, Tensor dy, Target dx, int from, int to) {
        for (int i = from; i < to; i++) {
            put(dx, i, get(dy.address(), i) * 2 * Math.max(get(x.address(), i), 0));
        }
    }

    @Override
    public void lerp(
            Tensor start,
            Tensor end,
            Tensor weight,
            Tensor dy,
            Target dStart,
            Target dEnd,
            Target dWeight,
            int from,
            int to) {
        for (int i = from; i < to; i++) {
            float gradient = get(dy.address(), i);
            float share = get(weight.address(), i);
            float difference = get(end.address(), i) - get(start.address(), i);
            put(dStart, i, gradient * (1 - share));
            put(dEnd, i, gradient * share);
            put(dWeight, i, gradient * difference);
        }
    }

    @Override
    public void sigmoidWithBias(Tensor y, Tensor dy, Target dx, long dBias, int from, int to) {
        int columns = y.columns();
        for (int row = from; row < to; row++) {
            for (int c = 0; c < columns; c++) {
                long i = (long) row * columns + c;
                float value = get(y.address(), i);
                float gradient = get(dy.address(), i) * value * (1 - value);
                put(dx, i, gradient);
                add(dBias, c, gradient);
            }
        }
    }

    /// `y = exp(-e^(-1/2) σ)`: `dy/dσ = -e^(-1/2) y`.
    @Override
    public void decay7(
            Tensor x,
            Tensor bias,
            Tensor y,
            Tensor dy,
            Target dx,
            long dBias,
            long scratch,
            int from,
            int to) {
        int columns = y.columns();
        for (int row = from; row < to; row++) {
            for (int c = 0; c < columns; c++) {
                long i = (long) row * columns + c;
                float raw = get(x.address(), i) + get(bias.address(), c);
                float sigma = (float) (1 / (1 + Math.exp(-raw)));
                float gradient =
                        get(dy.address(), i)
                                * -ReferenceKernels.DECAY_RATE
                                * get(y.address(), i)
                                * sigma
                                * (1 - sigma);
                put(dx, i, gradient);
                add(dBias, c, gradient);
            }
        }
    }

    /// With `u = (x - mean) · s` and `du = dy · weight`: `dx = s (du - mean(du) - u · mean(du ·
    /// u))`.
    @Override
    public Rows[] layerNorm(Tensor x, Tensor weight, float epsilon, Tensor dy, Target dx) {
        return new Rows[] {
            (from, to, sums, _) -> layerNorm(x, weight, epsilon, dy, dx, sums, from, to)
        };
    }

    private static void layerNorm(
            Tensor x,
            Tensor weight,
            float epsilon,
            Tensor dy,
            Target dx,
            long dWeight,
            int from,
            int to) {
        int columns = x.columns();
        long dBias = dWeight + 4L * columns;
        for (int row = from; row < to; row++) {
            long base = (long) row * columns;
            float mean = mean(x.address(), base, columns);
            float scale = scale(x.address(), base, columns, mean, epsilon);
            double sum = 0;
            double projection = 0;
            for (int i = 0; i < columns; i++) {
                float gradient = get(dy.address(), base + i);
                float u = (get(x.address(), base + i) - mean) * scale;
                float du = gradient * get(weight.address(), i);
                sum += du;
                projection += (double) du * u;
                add(dWeight, i, gradient * u);
                add(dBias, i, gradient);
            }
            for (int i = 0; i < columns; i++) {
                float u = (get(x.address(), base + i) - mean) * scale;
                float du = get(dy.address(), base + i) * get(weight.address(), i);
                put(
                        dx,
                        base + i,
                        (float) (scale * (du - sum / columns - u * (projection / columns))));
            }
        }
    }

    private static float mean(long x, long base, int size) {
        double sum = 0;
        for (int i = 0; i < size; i++) {
            sum += get(x, base + i);
        }
        return (float) (sum / size);
    }

    /// `1 / sqrt(variance + epsilon)`.
    private static float scale(long x, long base, int size, float mean, float epsilon) {
        double squares = 0;
        for (int i = 0; i < size; i++) {
            float difference = get(x, base + i) - mean;
            squares += (double) difference * difference;
        }
        return (float) (1 / Math.sqrt(squares / size + epsilon));
    }

    /// `y_m = x + (previous - x) · mix_m`.
    @Override
    public void shiftLerp(
            Tensor x,
            Tensor mixes,
            Segments segments,
            Tensor carried,
            Tensor dy,
            Target dx,
            @Nullable Tensor[] dCarried,
            long dMixes,
            long scratch,
            int from,
            int to) {
        int columns = x.columns();
        int count = mixes.rows();
        long part = (long) x.rows() * columns;
        for (int row = from; row < to; row++) {
            int segment = segments.segment(row);
            boolean first = row == segments.start(segment);
            boolean last = row + 1 == segments.end(segment);
            Tensor into = dCarried[segment];
            for (int c = 0; c < columns; c++) {
                long i = (long) row * columns + c;
                float previous =
                        first
                                ? get(carried.address(), (long) segment * columns + c)
                                : get(x.address(), i - columns);
                float difference = previous - get(x.address(), i);
                float own = 0;
                float toCarried = 0;
                float fromNext = 0;
                for (int m = 0; m < count; m++) {
                    long place = (long) m * columns + c;
                    float mix = get(mixes.address(), place);
                    float gradient = get(dy.address(), m * part + i);
                    own += gradient * (1 - mix);
                    toCarried += gradient * mix;
                    fromNext += last ? 0 : get(dy.address(), m * part + i + columns) * mix;
                    add(dMixes, place, gradient * difference);
                }
                put(dx, i, own + fromNext);
                if (first && into != null) {
                    add(into.address(), c, toCarried);
                }
            }
        }
    }

    /// With `q = k · keyScale`, `u = q / |q|` and its gradient du: `dq = (du - u (u · du)) / |q|`.
    @Override
    public Rows[] keys7(
            Tensor k,
            Tensor a,
            Tensor keyScale,
            Tensor keyRate,
            int headSize,
            Tensor dy,
            Target dk,
            Target da) {
        return new Rows[] {
            (from, to, sums, _) ->
                    keys7(k, a, keyScale, keyRate, headSize, dy, dk, da, sums, from, to)
        };
    }

    private static void keys7(
            Tensor k,
            Tensor a,
            Tensor keyScale,
            Tensor keyRate,
            int headSize,
            Tensor dy,
            Target dk,
            Target da,
            long dScale,
            int from,
            int to) {
        int columns = k.columns();
        long dRate = dScale + 4L * columns;
        long part = (long) k.rows() * columns;
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += headSize) {
                long base = (long) row * columns + start;
                float squares = 0;
                for (int i = 0; i < headSize; i++) {
                    float scaled = get(k.address(), base + i) * get(keyScale.address(), start + i);
                    squares = Math.fma(scaled, scaled, squares);
                }
                float length = (float) Math.sqrt(squares);
                float inverse = 1 / Math.max(length, ReferenceKernels.KEY_EPSILON);
                float projection = 0;
                for (int i = 0; i < headSize; i++) {
                    float unit =
                            get(k.address(), base + i)
                                    * get(keyScale.address(), start + i)
                                    * inverse;
                    float dUnit =
                            get(dy.address(), 2 * part + base + i) * get(a.address(), base + i)
                                    - get(dy.address(), part + base + i);
                    projection = Math.fma(dUnit, unit, projection);
                }
                if (length <= ReferenceKernels.KEY_EPSILON) {
                    projection = 0; // below the smallest length the divisor is a constant
                }
                for (int i = 0; i < headSize; i++) {
                    float raw = get(k.address(), base + i);
                    float scale = get(keyScale.address(), start + i);
                    float rate = get(keyRate.address(), start + i);
                    float learning = get(a.address(), base + i);
                    float dKey = get(dy.address(), base + i);
                    float dInContext = get(dy.address(), 2 * part + base + i);
                    float unit = raw * scale * inverse;
                    float dUnit = dInContext * learning - get(dy.address(), part + base + i);
                    float dScaled = (dUnit - unit * projection) * inverse;
                    put(dk, base + i, dScaled * scale + dKey * (1 + (learning - 1) * rate));
                    put(da, base + i, dInContext * unit + dKey * raw * rate);
                    add(dScale, start + i, dScaled * raw);
                    add(dRate, start + i, dKey * raw * (learning - 1));
                }
            }
        }
    }

    /// `z = (normed + (Σ r k bonus) v) g`, and normed as in [#layerNorm].
    @Override
    public Rows[] gatedGroupNorm7(
            GatedGroupNorm7 operands, Tensor dz, GatedGroupNorm7Targets targets) {
        return new Rows[] {
            (from, to, sums, _) -> gatedGroupNorm7(operands, dz, targets, sums, from, to)
        };
    }

    private static void gatedGroupNorm7(
            GatedGroupNorm7 of,
            Tensor dz,
            GatedGroupNorm7Targets into,
            long dWeight,
            int from,
            int to) {
        int columns = of.y().columns();
        long dBias = dWeight + 4L * columns;
        long dBonus = dBias + 4L * columns;
        int size = of.headSize();
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = (long) row * columns + start;
                float mean = mean(of.y().address(), base, size);
                float scale = scale(of.y().address(), base, size, mean, of.epsilon());
                float bonus = 0;
                for (int i = 0; i < size; i++) {
                    float product =
                            get(of.r().address(), base + i) * get(of.k().address(), base + i);
                    bonus = Math.fma(product, get(of.bonus().address(), start + i), bonus);
                }
                float dSum = 0;
                double sum = 0;
                double projection = 0;
                for (int i = 0; i < size; i++) {
                    float u = (get(of.y().address(), base + i) - mean) * scale;
                    float weight = get(of.weight().address(), start + i);
                    float value = get(of.v().address(), base + i);
                    float gradient = get(dz.address(), base + i);
                    float normed = Math.fma(u, weight, get(of.bias().address(), start + i));
                    float dOut = gradient * get(of.g().address(), base + i);
                    put(into.dg(), base + i, gradient * Math.fma(bonus, value, normed));
                    put(into.dv(), base + i, dOut * bonus);
                    dSum = Math.fma(dOut, value, dSum);
                    sum += dOut * weight;
                    projection += (double) (dOut * weight) * u;
                    add(dWeight, start + i, dOut * u);
                    add(dBias, start + i, dOut);
                }
                for (int i = 0; i < size; i++) {
                    float u = (get(of.y().address(), base + i) - mean) * scale;
                    float dOut = get(dz.address(), base + i) * get(of.g().address(), base + i);
                    float du = dOut * get(of.weight().address(), start + i);
                    float receptance = get(of.r().address(), base + i);
                    float key = get(of.k().address(), base + i);
                    float share = get(of.bonus().address(), start + i) * dSum;
                    put(
                            into.dy(),
                            base + i,
                            (float) (scale * (du - sum / size - u * (projection / size))));
                    put(into.dr(), base + i, share * key);
                    put(into.dk(), base + i, share * receptance);
                    add(dBonus, start + i, dSum * receptance * key);
                }
            }
        }
    }

    @Override
    public void wkv6(Wkv6Span span) {
        Wkv6Gradient.run(span);
    }

    @Override
    public double crossEntropy(
            long logits, int vocabulary, int target, double scale, long gradient, boolean l2Wrap) {
        int largest = 0;
        for (int i = 1; i < vocabulary; i++) {
            if (get(logits, i) > get(logits, largest)) {
                largest = i;
            }
        }
        float max = get(logits, largest);
        float wanted = get(logits, target);
        double sum = 0;
        for (int i = 0; i < vocabulary; i++) {
            double exponential = Math.exp(get(logits, i) - max);
            set(gradient, i, (float) exponential);
            sum += exponential;
        }
        float share = (float) (scale / sum);
        for (int i = 0; i < vocabulary; i++) {
            set(gradient, i, get(gradient, i) * share);
        }
        add(gradient, target, (float) -scale);
        if (l2Wrap) {
            add(gradient, largest, CrossEntropy.L2_WRAP * (float) scale * max);
        }
        return Math.log(sum) + max - wanted;
    }
}
