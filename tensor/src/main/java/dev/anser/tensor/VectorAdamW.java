package dev.anser.tensor;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// [AdamWUpdate] with the Vector API: half a vector of floats at a time, as a vector of doubles.
final class VectorAdamW {
    private static final VectorSpecies<Double> DOUBLES =
            VectorSpecies.of(double.class, Lanes.FLOATS.vectorShape());
    private static final VectorSpecies<Float> HALF =
            VectorSpecies.of(float.class, VectorShape.forBitSize(Lanes.FLOATS.vectorBitSize() / 2));

    private VectorAdamW() {}

    /// Updates whole vectors; returns where the rest begins.
    static int run(
            AdamWUpdate update,
            Tensor weight,
            Tensor gradient,
            Tensor mean,
            Tensor square,
            int from,
            int to) {
        int end = from + DOUBLES.loopBound(to - from);
        double gradientScale = update.gradientScale();
        double beta1 = update.beta1();
        double beta2 = update.beta2();
        double new1 = 1 - beta1;
        double new2 = 1 - beta2;
        double correction1 = update.correction1();
        double correction2 = update.correction2();
        double epsilon = update.epsilon();
        double kept = update.kept();
        DoubleVector rate = DoubleVector.broadcast(DOUBLES, update.rate());
        for (int i = from; i < end; i += DOUBLES.length()) {
            long at = 4L * i;
            DoubleVector g = load(gradient.address() + at).mul(gradientScale);
            DoubleVector m = load(mean.address() + at).mul(beta1).add(g.mul(new1));
            DoubleVector v = load(square.address() + at).mul(beta2).add(g.mul(new2).mul(g));
            store(m, mean.address() + at);
            store(v, square.address() + at);
            DoubleVector spread = v.div(correction2).lanewise(VectorOperators.SQRT).add(epsilon);
            DoubleVector change = m.div(correction1).mul(rate).div(spread);
            store(load(weight.address() + at).mul(kept).sub(change), weight.address() + at);
        }
        return end;
    }

    private static DoubleVector load(long address) {
        FloatVector floats =
                FloatVector.fromMemorySegment(HALF, Memory.ALL, address, LITTLE_ENDIAN);
        return (DoubleVector) floats.convertShape(VectorOperators.F2D, DOUBLES, 0);
    }

    private static void store(DoubleVector value, long address) {
        FloatVector floats = (FloatVector) value.convertShape(VectorOperators.D2F, HALF, 0);
        floats.intoMemorySegment(Memory.ALL, address, LITTLE_ENDIAN);
    }
}
