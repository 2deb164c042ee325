package dev.anser.tensor;

import java.util.function.IntToDoubleFunction;

/// The chunked (WY) form of the WKV-7 recurrence and its backward pass in double precision: another
/// way to the same numbers, to test the recurrent kernels against. One head; rows are tokens.
///
/// Within a chunk, with `g` the running sum of `log w` and `e` that before each token:
///
///     U = (I - tril(Ã B̂ᵀ, -1))⁻¹ (Ã H + tril(Ã K̂ᵀ, -1) V)
///     Y = R̃ H + tril(R̃ K̂ᵀ) V + tril(R̃ B̂ᵀ) U
///
/// where Ã has the factor exp(e), R̃ exp(g), K̂ and B̂ exp(-g), centred so that none grows large.
final class ChunkedWkv7 {
    final double[][] y;
    final double[][] dr;
    final double[][] dw;
    final double[][] dk;
    final double[][] dv;
    final double[][] da;
    final double[][] db;

    /// The state after the last token, then the gradient to that before the first; (keys, values).
    final double[][] state;

    double[][] dState;

    private final double[][][] in;
    private final double[][] dy;
    private final int size;

    /// Runs forwards from `initial` and backwards from `dy` and `dFinal`, in chunks of `length`.
    /// `in` is r, w, k, v, a, b.
    ChunkedWkv7(double[][][] in, double[][] dy, double[][] initial, double[][] dFinal, int length) {
        this.in = in;
        this.dy = dy;
        int tokens = dy.length;
        size = initial.length;
        y = new double[tokens][size];
        dr = new double[tokens][size];
        dw = new double[tokens][size];
        dk = new double[tokens][size];
        dv = new double[tokens][size];
        da = new double[tokens][size];
        db = new double[tokens][size];
        int chunks = (tokens + length - 1) / length;
        Chunk[] all = new Chunk[chunks];
        double[][] h = initial;
        for (int c = 0; c < chunks; c++) {
            all[c] = new Chunk(c * length, Math.min(tokens, (c + 1) * length), h);
            h = all[c].forward();
        }
        state = h;
        dState = dFinal;
        for (int c = chunks - 1; c >= 0; c--) {
            dState = all[c].backward(dState);
        }
    }

    private final class Chunk {
        final int first;
        final int count;
        final double[][] h;
        final double[][] g;
        final double[][] e;
        final double[] last;
        final double[] middle;
        final double[][] v;
        final double[][] aq;
        final double[][] rq;
        final double[][] kq;
        final double[][] bq;
        final double[][] aAll;
        final double[][] rAll;
        final double[][] kAll;
        final double[][] bAll;
        final double[][] ab;
        final double[][] ak;
        final double[][] qk;
        final double[][] qb;
        double[][] u = {};

        Chunk(int from, int to, double[][] h) {
            first = from;
            count = to - from;
            this.h = h;
            g = new double[count][size];
            e = new double[count][size];
            for (int t = 0; t < count; t++) {
                for (int i = 0; i < size; i++) {
                    e[t][i] = t == 0 ? 0 : g[t - 1][i];
                    g[t][i] = e[t][i] + Math.log(in[1][from + t][i]);
                }
            }
            last = g[count - 1];
            middle = g[count / 2];
            v = rows(3);
            aq = scaled(4, (t, i) -> e[t][i] - middle[i]);
            rq = scaled(0, (t, i) -> g[t][i] - middle[i]);
            kq = scaled(2, (t, i) -> middle[i] - g[t][i]);
            bq = scaled(5, (t, i) -> middle[i] - g[t][i]);
            aAll = scaled(4, (t, i) -> e[t][i]);
            rAll = scaled(0, (t, i) -> g[t][i]);
            kAll = scaled(2, (t, i) -> last[i] - g[t][i]);
            bAll = scaled(5, (t, i) -> last[i] - g[t][i]);
            ab = lower(timesTransposed(aq, bq), false);
            ak = lower(timesTransposed(aq, kq), false);
            qk = lower(timesTransposed(rq, kq), true);
            qb = lower(timesTransposed(rq, bq), true);
        }

        double[][] forward() {
            u = sum(times(aAll, h), times(ak, v));
            for (int t = 0; t < count; t++) { // forward substitution
                for (int s = 0; s < t; s++) {
                    for (int j = 0; j < size; j++) {
                        u[t][j] += ab[t][s] * u[s][j];
                    }
                }
            }
            double[][] out = sum(times(rAll, h), sum(times(qk, v), times(qb, u)));
            System.arraycopy(out, 0, y, first, count);
            return sum(decayed(h), sum(times(transposed(kAll), v), times(transposed(bAll), u)));
        }

        double[][] backward(double[][] d) {
            double[][] gy = java.util.Arrays.copyOfRange(dy, first, first + count);
            double[][] z = sum(times(transposed(qb), gy), times(bAll, d));
            for (int t = count - 1; t >= 0; t--) { // back substitution
                for (int s = t + 1; s < count; s++) {
                    for (int j = 0; j < size; j++) {
                        z[t][j] += ab[s][t] * z[s][j];
                    }
                }
            }
            double[][] values =
                    sum(times(transposed(qk), gy), sum(times(kAll, d), times(transposed(ak), z)));
            double[][] dAb = lower(timesTransposed(z, u), false);
            double[][] dAk = lower(timesTransposed(z, v), false);
            double[][] dQk = lower(timesTransposed(gy, v), true);
            double[][] dQb = lower(timesTransposed(gy, u), true);
            double[][] dKAll = timesTransposed(v, d);
            double[][] dBAll = timesTransposed(u, d);
            double[][] inR = sum(times(dQk, kq), times(dQb, bq));
            double[][] inA = sum(times(dAk, kq), times(dAb, bq));
            double[][] inK = sum(times(transposed(dQk), rq), times(transposed(dAk), aq));
            double[][] inB = sum(times(transposed(dQb), rq), times(transposed(dAb), aq));
            double[][] outR = timesTransposed(gy, h);
            double[][] outA = timesTransposed(z, h);
            for (int i = 0; i < size; i++) {
                double ends = 0;
                for (int j = 0; j < size; j++) {
                    ends += Math.exp(last[i]) * h[i][j] * d[i][j];
                }
                double later = 0; // Σ of dg from here on and de after here
                for (int t = count - 1; t >= 0; t--) {
                    int row = first + t;
                    double up = Math.exp(middle[i] - g[t][i]);
                    double toEnd = Math.exp(last[i] - g[t][i]);
                    dr[row][i] =
                            inR[t][i] * Math.exp(g[t][i] - middle[i])
                                    + outR[t][i] * Math.exp(g[t][i]);
                    da[row][i] =
                            inA[t][i] * Math.exp(e[t][i] - middle[i])
                                    + outA[t][i] * Math.exp(e[t][i]);
                    dk[row][i] = inK[t][i] * up + dKAll[t][i] * toEnd;
                    db[row][i] = inB[t][i] * up + dBAll[t][i] * toEnd;
                    ends += kAll[t][i] * dKAll[t][i] + bAll[t][i] * dBAll[t][i];
                    dv[row] = values[t];
                }
                later = ends;
                for (int t = count - 1; t >= 0; t--) {
                    int row = first + t;
                    later +=
                            in[0][row][i] * dr[row][i]
                                    - in[2][row][i] * dk[row][i]
                                    - in[5][row][i] * db[row][i];
                    dw[row][i] = later / in[1][row][i]; // d log w = dw / w
                    later += in[4][row][i] * da[row][i];
                }
            }
            return sum(decayed(d), sum(times(transposed(rAll), gy), times(transposed(aAll), z)));
        }

        private double[][] decayed(double[][] x) {
            double[][] result = new double[size][];
            for (int i = 0; i < size; i++) {
                double factor = Math.exp(last[i]);
                IntToDoubleFunction times = factorOf(x[i], factor);
                result[i] = java.util.stream.IntStream.range(0, size).mapToDouble(times).toArray();
            }
            return result;
        }

        private IntToDoubleFunction factorOf(double[] row, double factor) {
            return j -> factor * row[j];
        }

        private double[][] rows(int input) {
            return java.util.Arrays.copyOfRange(in[input], first, first + count);
        }

        private double[][] scaled(int input, Exponent exponent) {
            double[][] result = new double[count][size];
            for (int t = 0; t < count; t++) {
                for (int i = 0; i < size; i++) {
                    result[t][i] = in[input][first + t][i] * Math.exp(exponent.at(t, i));
                }
            }
            return result;
        }
    }

    private interface Exponent {
        double at(int t, int i);
    }

    private static double[][] transposed(double[][] x) {
        double[][] result = new double[x[0].length][x.length];
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < x[0].length; j++) {
                result[j][i] = x[i][j];
            }
        }
        return result;
    }

    private static double[][] times(double[][] x, double[][] y) {
        return timesTransposed(x, transposed(y));
    }

    private static double[][] timesTransposed(double[][] x, double[][] y) {
        double[][] result = new double[x.length][y.length];
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < y.length; j++) {
                double sum = 0;
                for (int l = 0; l < x[i].length; l++) {
                    sum += x[i][l] * y[j][l];
                }
                result[i][j] = sum;
            }
        }
        return result;
    }

    private static double[][] sum(double[][] x, double[][] y) {
        double[][] result = new double[x.length][x[0].length];
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < x[0].length; j++) {
                result[i][j] = x[i][j] + y[i][j];
            }
        }
        return result;
    }

    /// What stands on and left of the diagonal; only left of it unless `diagonal`.
    private static double[][] lower(double[][] x, boolean diagonal) {
        for (int i = 0; i < x.length; i++) {
            for (int j = diagonal ? i + 1 : i; j < x.length; j++) {
                x[i][j] = 0;
            }
        }
        return x;
    }
}
