package dev.anser.tensor;

import static dev.anser.tensor.Memory.get;
import static dev.anser.tensor.Memory.set;

import org.jspecify.annotations.Nullable;

/// The backward step of every operation but the matrix products and WKV, in plain Java.
///
/// `dy` is the gradient of the loss to the result `y`; what is computed is added to the gradients
/// of the operands. A null gradient is not wanted. Ranges are half open; sums over rows run in row
/// order, so that results do not depend on the number of threads.
final class Gradients {
    private Gradients() {}

    private static void add(long address, long index, float value) {
        set(address, index, get(address, index) + value);
    }

    /// `target += dy`.
    static void addTo(Tensor dy, Tensor target, int from, int to) {
        for (int i = from; i < to; i++) {
            add(target.address(), i, get(dy.address(), i));
        }
    }

    /// The only row of `dy` is added to row `row` of `target`.
    static void addRow(Tensor dy, Tensor target, int row) {
        long start = (long) row * target.columns();
        for (int c = 0; c < target.columns(); c++) {
            add(target.address(), start + c, get(dy.address(), c));
        }
    }

    /// Row i of `dy` is added to row `rows[i]` of `target`, columns `from..to`.
    static void scatter(Tensor dy, int[] rows, Tensor target, int from, int to) {
        int columns = dy.columns();
        for (int i = 0; i < rows.length; i++) {
            for (int c = from; c < to; c++) {
                add(
                        target.address(),
                        (long) rows[i] * columns + c,
                        get(dy.address(), (long) i * columns + c));
            }
        }
    }

    /// `tanh' = 1 - tanh²`.
    static void tanh(Tensor y, Tensor dy, Tensor dx, int from, int to) {
        for (int i = from; i < to; i++) {
            float value = get(y.address(), i);
            add(dx.address(), i, get(dy.address(), i) * (1 - value * value));
        }
    }

    /// `σ' = σ (1 - σ)`.
    static void sigmoid(Tensor y, Tensor dy, Tensor dx, int from, int to) {
        for (int i = from; i < to; i++) {
            float value = get(y.address(), i);
            add(dx.address(), i, get(dy.address(), i) * value * (1 - value));
        }
    }

    /// `(max(x, 0)²)' = 2 max(x, 0)`.
    static void reluSquared(Tensor x, Tensor dy, Tensor dx, int from, int to) {
        for (int i = from; i < to; i++) {
            add(dx.address(), i, get(dy.address(), i) * 2 * Math.max(get(x.address(), i), 0));
        }
    }

    static void sigmoidWithBias(
            Tensor y, Tensor dy, Tensor dx, @Nullable Tensor dBias, int from, int to) {
        int columns = y.columns();
        for (int c = from; c < to; c++) {
            float sum = 0;
            for (int row = 0; row < y.rows(); row++) {
                long i = (long) row * columns + c;
                float value = get(y.address(), i);
                float gradient = get(dy.address(), i) * value * (1 - value);
                add(dx.address(), i, gradient);
                sum += gradient;
            }
            if (dBias != null) {
                add(dBias.address(), c, sum);
            }
        }
    }

    /// `y = exp(-e^(-1/2) σ)`: `dy/dσ = -e^(-1/2) y`.
    static void decay7(
            Tensor x,
            Tensor bias,
            Tensor y,
            Tensor dy,
            Tensor dx,
            @Nullable Tensor dBias,
            int from,
            int to) {
        int columns = y.columns();
        for (int c = from; c < to; c++) {
            float sum = 0;
            for (int row = 0; row < y.rows(); row++) {
                long i = (long) row * columns + c;
                float raw = get(x.address(), i) + get(bias.address(), c);
                float sigma = (float) (1 / (1 + Math.exp(-raw)));
                float gradient =
                        -ReferenceKernels.DECAY_RATE
                                * get(y.address(), i)
                                * sigma
                                * (1 - sigma)
                                * get(dy.address(), i);
                add(dx.address(), i, gradient);
                sum += gradient;
            }
            if (dBias != null) {
                add(dBias.address(), c, sum);
            }
        }
    }

    static void lerp(
            Tensor start,
            Tensor end,
            Tensor weight,
            Tensor dy,
            Tensor dStart,
            Tensor dEnd,
            Tensor dWeight,
            int from,
            int to) {
        for (int i = from; i < to; i++) {
            float gradient = get(dy.address(), i);
            float share = get(weight.address(), i);
            add(dStart.address(), i, gradient * (1 - share));
            add(dEnd.address(), i, gradient * share);
            add(dWeight.address(), i, gradient * (get(end.address(), i) - get(start.address(), i)));
        }
    }

    /// Backward of normalisation in groups of `size` columns: with `u = (x - mean) · s` and `du =
    /// dy · weight`, `dx = s (du - mean(du) - u · mean(du · u))`. Leaves u in `unit`. Rows
    /// `from..to`.
    static void normalise(
            Tensor x,
            Tensor weight,
            float epsilon,
            int size,
            Tensor dy,
            Tensor dx,
            Tensor unit,
            int from,
            int to) {
        int columns = x.columns();
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = (long) row * columns + start;
                float scale = unit(x.address(), base, size, epsilon, unit.address());
                double mean = 0;
                double projection = 0;
                for (int i = 0; i < size; i++) {
                    float du = get(dy.address(), base + i) * get(weight.address(), start + i);
                    mean += du;
                    projection += (double) du * get(unit.address(), base + i);
                }
                mean /= size;
                projection /= size;
                for (int i = 0; i < size; i++) {
                    float du = get(dy.address(), base + i) * get(weight.address(), start + i);
                    float u = get(unit.address(), base + i);
                    add(dx.address(), base + i, (float) (scale * (du - mean - u * projection)));
                }
            }
        }
    }

    /// Normalisation in groups of `size` columns once more, rows `from..to`.
    static void normed(
            Tensor x,
            Tensor weight,
            Tensor bias,
            float epsilon,
            int size,
            Tensor y,
            int from,
            int to) {
        int columns = x.columns();
        for (int row = from; row < to; row++) {
            for (int start = 0; start < columns; start += size) {
                long base = (long) row * columns + start;
                unit(x.address(), base, size, epsilon, y.address());
                for (int i = 0; i < size; i++) {
                    float scaled =
                            Math.fma(
                                    get(y.address(), base + i),
                                    get(weight.address(), start + i),
                                    get(bias.address(), start + i));
                    set(y.address(), base + i, scaled);
                }
            }
        }
    }

    /// `u = (x - mean) · s` of `size` elements from `base`; returns s.
    private static float unit(long x, long base, int size, float epsilon, long unit) {
        double sum = 0;
        for (int i = 0; i < size; i++) {
            sum += get(x, base + i);
        }
        float mean = (float) (sum / size);
        double squares = 0;
        for (int i = 0; i < size; i++) {
            float difference = get(x, base + i) - mean;
            squares += (double) difference * difference;
        }
        float scale = (float) (1 / Math.sqrt(squares / size + epsilon));
        for (int i = 0; i < size; i++) {
            set(unit, base + i, (get(x, base + i) - mean) * scale);
        }
        return scale;
    }

    /// `dWeight += Σ_rows dy · u` and `dBias += Σ_rows dy`, columns `from..to`.
    static void affine(
            Tensor unit,
            Tensor dy,
            @Nullable Tensor dWeight,
            @Nullable Tensor dBias,
            int from,
            int to) {
        int columns = unit.columns();
        for (int c = from; c < to; c++) {
            float weightSum = 0;
            float biasSum = 0;
            for (int row = 0; row < unit.rows(); row++) {
                long i = (long) row * columns + c;
                weightSum = Math.fma(get(dy.address(), i), get(unit.address(), i), weightSum);
                biasSum += get(dy.address(), i);
            }
            if (dWeight != null) {
                add(dWeight.address(), c, weightSum);
            }
            if (dBias != null) {
                add(dBias.address(), c, biasSum);
            }
        }
    }

    /// `y_m = x + (previous - x) · mix_m`, columns `from..to`: a row feeds its own results and
    /// those of the next row.
    static void shiftLerp(
            Tensor x,
            Tensor[] mixes,
            Segments segments,
            Tensor carried,
            Tensor dy,
            Tensor dx,
            @Nullable Tensor[] dMixes,
            @Nullable Tensor[] dCarried,
            int from,
            int to) {
        int columns = x.columns();
        long part = (long) x.rows() * columns;
        for (int s = 0; s < segments.count(); s++) {
            for (int row = segments.start(s); row < segments.end(s); row++) {
                boolean first = row == segments.start(s);
                long previous =
                        first
                                ? carried.address() + 4L * s * columns
                                : x.address() + 4L * (row - 1) * columns;
                for (int c = from; c < to; c++) {
                    long i = (long) row * columns + c;
                    float now = get(x.address(), i);
                    float difference = get(previous, c) - now;
                    float own = 0;
                    float before = 0;
                    for (int m = 0; m < mixes.length; m++) {
                        float gradient = get(dy.address(), m * part + i);
                        float mix = get(mixes[m].address(), c);
                        own += gradient * (1 - mix);
                        before += gradient * mix;
                        Tensor dMix = dMixes[m];
                        if (dMix != null) {
                            add(dMix.address(), c, gradient * difference);
                        }
                    }
                    add(dx.address(), i, own);
                    Tensor into = dCarried[s];
                    if (!first) {
                        add(dx.address(), i - columns, before);
                    } else if (into != null) {
                        add(into.address(), c, before);
                    }
                }
            }
        }
    }

    /// Backward of [Ops#keys7] for the heads `from..to`: with `q = k · keyScale`, `u = q / |q|` and
    /// its gradient du, `dq = (du - u (u · du)) / |q|`.
    static void keys7(
            Tensor k,
            Tensor a,
            Tensor keyScale,
            Tensor keyRate,
            int size,
            Tensor dy,
            Tensor dk,
            Tensor da,
            @Nullable Tensor dScale,
            @Nullable Tensor dRate,
            int from,
            int to) {
        int columns = k.columns();
        long part = (long) k.rows() * columns;
        float[] unit = new float[size];
        float[] dUnit = new float[size];
        for (int head = from; head < to; head++) {
            int start = head * size;
            for (int row = 0; row < k.rows(); row++) {
                long base = (long) row * columns + start;
                float squares = 0;
                for (int i = 0; i < size; i++) {
                    unit[i] = get(k.address(), base + i) * get(keyScale.address(), start + i);
                    squares = Math.fma(unit[i], unit[i], squares);
                }
                float length = (float) Math.sqrt(squares);
                boolean normal = length > ReferenceKernels.KEY_EPSILON;
                float inverse = 1 / Math.max(length, ReferenceKernels.KEY_EPSILON);
                float projection = 0;
                for (int i = 0; i < size; i++) {
                    unit[i] *= inverse;
                    float dRemoval = get(dy.address(), part + base + i);
                    float dInContext = get(dy.address(), 2 * part + base + i);
                    dUnit[i] = dInContext * get(a.address(), base + i) - dRemoval;
                    projection = Math.fma(dUnit[i], unit[i], projection);
                    add(da.address(), base + i, dInContext * unit[i]);
                }
                for (int i = 0; i < size; i++) {
                    // Below the smallest length the divisor is a constant.
                    float dScaled = (dUnit[i] - (normal ? unit[i] * projection : 0)) * inverse;
                    float raw = get(k.address(), base + i);
                    float rate = get(keyRate.address(), start + i);
                    float learning = get(a.address(), base + i);
                    float dKey = get(dy.address(), base + i);
                    float gradient =
                            dScaled * get(keyScale.address(), start + i)
                                    + dKey * (1 + (learning - 1) * rate);
                    add(dk.address(), base + i, gradient);
                    add(da.address(), base + i, dKey * raw * rate);
                    if (dScale != null) {
                        add(dScale.address(), start + i, dScaled * raw);
                    }
                    if (dRate != null) {
                        add(dRate.address(), start + i, dKey * raw * (learning - 1));
                    }
                }
            }
        }
    }

    /// Backward of the second half of [Ops#gatedGroupNorm7], `z = (normed + (Σ r k bonus) v) g`,
    /// for the heads `from..to`; sets `dNormed`.
    static void gate7(
            Tensor normed,
            Tensor r,
            Tensor k,
            Tensor v,
            Tensor bonus,
            Tensor g,
            int size,
            Tensor dz,
            Tensor dNormed,
            Tensor dr,
            Tensor dk,
            Tensor dv,
            Tensor dg,
            @Nullable Tensor dBonus,
            int from,
            int to) {
        int columns = r.columns();
        for (int head = from; head < to; head++) {
            int start = head * size;
            for (int row = 0; row < r.rows(); row++) {
                long base = (long) row * columns + start;
                float sum = 0;
                for (int i = 0; i < size; i++) {
                    sum =
                            Math.fma(
                                    get(r.address(), base + i) * get(k.address(), base + i),
                                    get(bonus.address(), start + i),
                                    sum);
                }
                float dSum = 0;
                for (int i = 0; i < size; i++) {
                    float gradient = get(dz.address(), base + i);
                    float value = get(v.address(), base + i);
                    float out = Math.fma(sum, value, get(normed.address(), base + i));
                    float dOut = gradient * get(g.address(), base + i);
                    add(dg.address(), base + i, gradient * out);
                    set(dNormed.address(), base + i, dOut);
                    add(dv.address(), base + i, dOut * sum);
                    dSum = Math.fma(dOut, value, dSum);
                }
                for (int i = 0; i < size; i++) {
                    float receptance = get(r.address(), base + i);
                    float key = get(k.address(), base + i);
                    float weight = get(bonus.address(), start + i);
                    add(dr.address(), base + i, dSum * key * weight);
                    add(dk.address(), base + i, dSum * receptance * weight);
                    if (dBonus != null) {
                        add(dBonus.address(), start + i, dSum * receptance * key);
                    }
                }
            }
        }
    }
}
