package dev.anser.train.report;

import java.util.ArrayList;
import java.util.List;

/// A curve of any number of points, of which it keeps the lowest and the highest of each stretch.
///
/// There are at most 1 000 stretches, all of one number of points but for the last; when one more
/// is needed, neighbours become one. So a million points take the memory of two thousand, and no
/// outlier is lost.
final class Curve {
    /// What a point is drawn against.
    enum Against {
        STEPS,
        TOKENS,
        SECONDS
    }

    /// A point of the curve.
    record Point(double step, double tokens, double seconds, double value) {
        double at(Against against) {
            return switch (against) {
                case STEPS -> step;
                case TOKENS -> tokens;
                case SECONDS -> seconds;
            };
        }

        /// A point where the curve has no value.
        boolean isGap() {
            return !Double.isFinite(value);
        }
    }

    private static final int STRETCHES = 1000;

    private final List<Stretch> stretches = new ArrayList<>();
    private long width = 1;
    private long gaps;
    private double firstGap;

    /// Some points that follow each other.
    private static final class Stretch {
        private final Point first;
        private Point low;
        private Point high;
        private Point last;
        private long points;
        private long values;
        private double sum;

        Stretch(Point point) {
            first = point;
            low = point;
            high = point;
            last = point;
            add(point);
        }

        void add(Point point) {
            points++;
            last = point;
            if (!point.isGap()) {
                values++;
                sum += point.value();
                low = low.isGap() || point.value() < low.value() ? point : low;
                high = high.isGap() || point.value() > high.value() ? point : high;
            }
        }

        void add(Stretch next) {
            points += next.points;
            last = next.last;
            if (next.values > 0) {
                values += next.values;
                sum += next.sum;
                low = low.isGap() || next.low.value() < low.value() ? next.low : low;
                high = high.isGap() || next.high.value() > high.value() ? next.high : high;
            }
        }

        Point middle(double value) {
            return new Point(
                    (first.step + last.step) / 2,
                    (first.tokens + last.tokens) / 2,
                    (first.seconds + last.seconds) / 2,
                    value);
        }
    }

    void add(Point point) {
        if (point.isGap() && gaps++ == 0) {
            firstGap = point.step();
        }
        if (!stretches.isEmpty() && stretches.getLast().points < width) {
            stretches.getLast().add(point);
            return;
        }
        if (stretches.size() == STRETCHES) {
            merge();
        }
        stretches.add(new Stretch(point));
    }

    /// Halves the stretches, of which there is an even number, each of them full.
    private void merge() {
        List<Stretch> merged = new ArrayList<>(STRETCHES);
        for (int i = 0; i < stretches.size(); i += 2) {
            Stretch stretch = stretches.get(i);
            stretch.add(stretches.get(i + 1));
            merged.add(stretch);
        }
        stretches.clear();
        stretches.addAll(merged);
        width *= 2;
    }

    boolean isEmpty() {
        return stretches.isEmpty();
    }

    /// How many points had no finite value.
    long gaps() {
        return gaps;
    }

    /// The step of the first of them.
    double firstGap() {
        return firstGap;
    }

    /// The first point, the lowest and the highest of each stretch, in order, and the last point;
    /// where a stretch has no values, a gap.
    List<Point> points() {
        List<Point> points = new ArrayList<>(2 * stretches.size() + 2);
        if (stretches.isEmpty()) {
            return points;
        }
        Point first = stretches.getFirst().first;
        if (first != stretches.getFirst().low && first != stretches.getFirst().high) {
            points.add(first);
        }
        for (Stretch stretch : stretches) {
            boolean lowFirst = stretch.low.step() <= stretch.high.step();
            Point before = lowFirst ? stretch.low : stretch.high;
            Point after = lowFirst ? stretch.high : stretch.low;
            points.add(before);
            if (before != after) {
                points.add(after);
            }
        }
        if (stretches.getLast().last != points.getLast()) {
            points.add(stretches.getLast().last);
        }
        return points;
    }

    /// The means of the stretches, each averaged with its neighbours under a bell whose deviation
    /// is a hundredth of the curve. At the start, where curves are steep, what stands after a point
    /// counts no more than what stands before it.
    List<Point> smoothed() {
        int count = stretches.size();
        double deviation = Math.max(1, count / 100.0);
        int reach = (int) Math.ceil(3 * deviation);
        List<Point> points = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int before = Math.min(reach, i);
            int after = Math.min(before, count - 1 - i);
            double sum = 0;
            double weights = 0;
            for (int j = i - before; j <= i + after; j++) {
                Stretch stretch = stretches.get(j);
                double away = (j - i) / deviation;
                double weight = Math.exp(-away * away / 2);
                sum += weight * stretch.sum;
                weights += weight * stretch.values;
            }
            boolean gap = stretches.get(i).values == 0;
            points.add(stretches.get(i).middle(gap ? Double.NaN : sum / weights));
        }
        return points;
    }
}
