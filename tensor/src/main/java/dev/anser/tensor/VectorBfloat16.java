package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;
import static dev.anser.tensor.Lanes.SHORTS;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/// Rounding to bfloat16 with the Vector API: to nearest, ties to even, as
/// [Tensor#floatToBfloat16(float)].
final class VectorBfloat16 {
    private VectorBfloat16() {}

    static void store(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            IntVector halves = upperHalves(Lanes.load(x + 4L * i));
            ShortVector shorts = (ShortVector) halves.convertShape(VectorOperators.I2S, SHORTS, 0);
            shorts.intoMemorySegment(Memory.ALL, y + 2L * i, LITTLE_ENDIAN);
        }
        for (int i = whole; i < count; i++) {
            Memory.setShort(y, i, Tensor.floatToBfloat16(Memory.get(x, i)));
        }
    }

    static void round(long x, long y, int count) {
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += COUNT) {
            IntVector halves = upperHalves(Lanes.load(x + 4L * i));
            FloatVector rounded = halves.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            Lanes.store(rounded, y + 4L * i);
        }
        for (int i = whole; i < count; i++) {
            Memory.set(y, i, Float.intBitsToFloat(Tensor.floatToBfloat16(Memory.get(x, i)) << 16));
        }
    }

    private static IntVector upperHalves(FloatVector x) {
        IntVector bits = x.reinterpretAsInts();
        IntVector upper = bits.lanewise(VectorOperators.LSHR, 16);
        IntVector rounded = bits.add(upper.and(1)).add(0x7fff).lanewise(VectorOperators.LSHR, 16);
        // A NaN would round to infinity or to another sign: keep its upper half, quiet.
        return rounded.blend(upper.or(0x40), x.test(VectorOperators.IS_NAN).cast(Lanes.INTS));
    }
}
