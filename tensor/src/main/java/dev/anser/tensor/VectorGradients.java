package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.load;
import static dev.anser.tensor.Lanes.store;

import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/// The backward steps with the Vector API. Elements that do not fill a vector, and all of a row or
/// head that is no whole number of vectors, go through the reference: no trained model has such.
final class VectorGradients implements GradientKernels {
    private final ReferenceGradients reference = new ReferenceGradients();

    /// Sets or adds. Not `add ? … : value`: a vector that two branches make would be an object.
    static void put(FloatVector value, long address, boolean add) {
        if (add) {
            store(load(address).add(value), address);
        } else {
            store(value, address);
        }
    }

    static void addTo(long address, FloatVector value) {
        store(load(address).add(value), address);
    }

    private static boolean whole(int count) {
        return count % COUNT == 0;
    }

    @Override
    public void pass(Tensor source, Target target, int from, int to) {
        int end = from + FLOATS.loopBound(to - from);
        boolean add = target.add();
        long out = target.address();
        for (int i = from; i < end; i += COUNT) {
            put(load(source.address() + 4L * i), out + 4L * i, add);
        }
        reference.pass(source, target, end, to);
    }

    @Override
    public void add(long source, long target, int count) {
        VectorElementwise.add(target, source, target, count);
    }

    @Override
    public void tanh(Tensor y, Tensor dy, Target dx, int from, int to) {
        int end = from + FLOATS.loopBound(to - from);
        boolean add = dx.add();
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = from; i < end; i += COUNT) {
            FloatVector value = load(y.address() + 4L * i);
            FloatVector slope = value.neg().fma(value, one);
            put(load(dy.address() + 4L * i).mul(slope), dx.address() + 4L * i, add);
        }
        reference.tanh(y, dy, dx, end, to);
    }

    @Override
    public void sigmoid(Tensor y, Tensor dy, Target dx, int from, int to) {
        int end = from + FLOATS.loopBound(to - from);
        boolean add = dx.add();
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = from; i < end; i += COUNT) {
            FloatVector value = load(y.address() + 4L * i);
            FloatVector gradient = load(dy.address() + 4L * i).mul(value).mul(one.sub(value));
            put(gradient, dx.address() + 4L * i, add);
        }
        reference.sigmoid(y, dy, dx, end, to);
    }

    @Override
    public void reluSquared(Tensor x, Tensor dy, Target dx, int from, int to) {
        int end = from + FLOATS.loopBound(to - from);
        boolean add = dx.add();
        for (int i = from; i < end; i += COUNT) {
            FloatVector positive = load(x.address() + 4L * i).max(0f);
            FloatVector gradient = load(dy.address() + 4L * i).mul(2f).mul(positive);
            put(gradient, dx.address() + 4L * i, add);
        }
        reference.reluSquared(x, dy, dx, end, to);
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
        int whole = from + FLOATS.loopBound(to - from);
        boolean addStart = dStart.add();
        boolean addEnd = dEnd.add();
        boolean addWeight = dWeight.add();
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int i = from; i < whole; i += COUNT) {
            long at = 4L * i;
            FloatVector gradient = load(dy.address() + at);
            FloatVector share = load(weight.address() + at);
            FloatVector difference = load(end.address() + at).sub(load(start.address() + at));
            put(gradient.mul(one.sub(share)), dStart.address() + at, addStart);
            put(gradient.mul(share), dEnd.address() + at, addEnd);
            put(gradient.mul(difference), dWeight.address() + at, addWeight);
        }
        reference.lerp(start, end, weight, dy, dStart, dEnd, dWeight, whole, to);
    }

    @Override
    public void sigmoidWithBias(Tensor y, Tensor dy, Target dx, long dBias, int from, int to) {
        int columns = y.columns();
        if (!whole(columns)) {
            reference.sigmoidWithBias(y, dy, dx, dBias, from, to);
            return;
        }
        boolean add = dx.add();
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int row = from; row < to; row++) {
            long base = 4L * row * columns;
            for (int c = 0; c < columns; c += COUNT) {
                long at = base + 4L * c;
                FloatVector value = load(y.address() + at);
                FloatVector gradient = load(dy.address() + at).mul(value).mul(one.sub(value));
                put(gradient, dx.address() + at, add);
                addTo(dBias + 4L * c, gradient);
            }
        }
    }

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
        if (!whole(columns)) {
            reference.decay7(x, bias, y, dy, dx, dBias, scratch, from, to);
            return;
        }
        boolean add = dx.add();
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        for (int row = from; row < to; row++) {
            long base = 4L * row * columns;
            VectorElementwise.sigmoidWithBias(x.address() + base, bias.address(), scratch, columns);
            for (int c = 0; c < columns; c += COUNT) {
                long at = base + 4L * c;
                FloatVector sigma = load(scratch + 4L * c);
                FloatVector slope = sigma.mul(one.sub(sigma)).mul(load(y.address() + at));
                FloatVector gradient =
                        load(dy.address() + at).mul(-ReferenceKernels.DECAY_RATE).mul(slope);
                put(gradient, dx.address() + at, add);
                addTo(dBias + 4L * c, gradient);
            }
        }
    }

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
        if (!whole(columns)) {
            reference.shiftLerp(
                    x, mixes, segments, carried, dy, dx, dCarried, dMixes, scratch, from, to);
            return;
        }
        // From the last row to the first, so that what a row owes the one before it is at hand in
        // `scratch`, and every gradient is read once.
        int count = mixes.rows();
        long part = 4L * x.rows() * columns;
        long bytes = 4L * columns;
        if (to < x.rows()) {
            VectorShiftGradient.toPrevious(
                    dy.address() + to * bytes, part, mixes.address(), count, scratch, columns);
        }
        for (int row = to - 1; row >= from; row--) {
            int segment = segments.segment(row);
            boolean first = row == segments.start(segment);
            long here = x.address() + row * bytes;
            if (row + 1 == segments.end(segment)) {
                Memory.clear(scratch, bytes);
            }
            VectorShiftGradient.row(
                    here,
                    first ? carried.address() + segment * bytes : here - bytes,
                    mixes.address(),
                    count,
                    dy.address() + row * bytes,
                    part,
                    dx.address() + row * bytes,
                    dx.add(),
                    dMixes,
                    scratch,
                    columns);
            Tensor into = dCarried[segment];
            if (first && into != null) {
                add(scratch, into.address(), columns);
            }
        }
    }

    @Override
    public void wkv6(Wkv6Span span) {
        VectorWkv6Gradient.run(span);
    }

    @Override
    public double crossEntropy(
            long logits, int vocabulary, int target, double scale, long gradient, boolean l2Wrap) {
        return VectorCrossEntropy.row(logits, vocabulary, target, scale, gradient, l2Wrap);
    }

    @Override
    public Rows[] layerNorm(Tensor x, Tensor weight, float epsilon, Tensor dy, Target dx) {
        int columns = x.columns();
        return whole(columns)
                ? VectorNormGradients.layerNorm(x, weight, epsilon, dy, dx)
                : reference.layerNorm(x, weight, epsilon, dy, dx);
    }

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
        return whole(headSize)
                ? new VectorKeysGradient(k, a, keyScale, keyRate, headSize, dy, dk, da).sweeps()
                : reference.keys7(k, a, keyScale, keyRate, headSize, dy, dk, da);
    }

    @Override
    public Rows[] gatedGroupNorm7(
            GatedGroupNorm7 operands, Tensor dz, GatedGroupNorm7Targets targets) {
        return whole(operands.headSize())
                ? new VectorGateGradient(operands, dz, targets).sweeps()
                : reference.gatedGroupNorm7(operands, dz, targets);
    }
}
