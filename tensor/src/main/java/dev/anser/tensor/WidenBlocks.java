package dev.anser.tensor;

import static dev.anser.tensor.Lanes.COUNT;
import static dev.anser.tensor.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/// Quantised weights as floats in an array, with the Vector API: what [Widen] does for the types
/// without blocks.
final class WidenBlocks {
    private WidenBlocks() {}

    /// `count` elements, whole blocks of `type` from `source` on, to `target[at...]`.
    static void toFloats(DType type, long source, float[] target, int at, int count) {
        int elements = type.blockElements();
        int bytes = type.blockBytes();
        for (int i = 0; i < count; i += elements, source += bytes) {
            switch (type) {
                case Q4_0 -> q4_0(source, target, at + i);
                case Q4_1 -> q4_1(source, target, at + i);
                case Q5_0 -> q5_0(source, target, at + i);
                case Q5_1 -> q5_1(source, target, at + i);
                case Q8_0 -> q8_0(source, target, at + i);
                case IQ4_NL -> iq4_nl(source, target, at + i);
                case Q2_K -> q2_K(source, target, at + i);
                case Q3_K -> q3_K(source, target, at + i);
                case Q4_K -> q4_K(source, target, at + i);
                case Q5_K -> q5_K(source, target, at + i);
                case Q6_K -> q6_K(source, target, at + i);
                default ->
                        throw new ShapeException(
                                "kernels cannot compute with weights of type " + type);
            }
        }
    }

    private static void q4_0(long block, float[] target, int at) {
        FloatVector d = BlockLanes.half(block);
        for (int i = 0; i < 32; i += COUNT) {
            BlockLanes.q4_0(block, i).mul(d).intoArray(target, at + i);
        }
    }

    private static void q4_1(long block, float[] target, int at) {
        FloatVector d = BlockLanes.half(block);
        FloatVector m = BlockLanes.half(block + 2);
        for (int i = 0; i < 32; i += COUNT) {
            BlockLanes.q4_1(block, i).fma(d, m).intoArray(target, at + i);
        }
    }

    private static void q5_0(long block, float[] target, int at) {
        FloatVector d = BlockLanes.half(block);
        for (int i = 0; i < 32; i += COUNT) {
            BlockLanes.q5_0(block, i).mul(d).intoArray(target, at + i);
        }
    }

    private static void q5_1(long block, float[] target, int at) {
        FloatVector d = BlockLanes.half(block);
        FloatVector m = BlockLanes.half(block + 2);
        for (int i = 0; i < 32; i += COUNT) {
            BlockLanes.q5_1(block, i).fma(d, m).intoArray(target, at + i);
        }
    }

    private static void q8_0(long block, float[] target, int at) {
        FloatVector d = BlockLanes.half(block);
        for (int i = 0; i < 32; i += COUNT) {
            BlockLanes.q8_0(block, i).mul(d).intoArray(target, at + i);
        }
    }

    private static void iq4_nl(long block, float[] target, int at) {
        float d = Blocks32.half(Memory.ALL, block);
        for (int i = 0; i < 16; i++) {
            int two = BlocksK.octet(Memory.ALL, block + 2 + i);
            target[at + i] = Blocks32.value(two & 15) * d;
            target[at + i + 16] = Blocks32.value(two >> 4) * d;
        }
    }

    private static void q2_K(long block, float[] target, int at) {
        float d = Blocks32.half(Memory.ALL, block + 80);
        float dmin = Blocks32.half(Memory.ALL, block + 82);
        for (int group = 0; group < 16; group++) {
            int both = BlocksK.octet(Memory.ALL, block + group);
            FloatVector scale = FloatVector.broadcast(FLOATS, d * (both & 15));
            FloatVector offset = FloatVector.broadcast(FLOATS, -(dmin * (both >> 4)));
            for (int i = 16 * group; i < 16 * group + 16; i += COUNT) {
                BlockLanes.q2_K(block, i).fma(scale, offset).intoArray(target, at + i);
            }
        }
    }

    private static void q3_K(long block, float[] target, int at) {
        float d = Blocks32.half(Memory.ALL, block + 108);
        for (int group = 0; group < 16; group++) {
            int scale = BlocksK.scale3(Memory.ALL, block + 96, group);
            FloatVector scales = FloatVector.broadcast(FLOATS, d * scale);
            for (int i = 16 * group; i < 16 * group + 16; i += COUNT) {
                BlockLanes.q3_K(block, i).mul(scales).intoArray(target, at + i);
            }
        }
    }

    private static void q4_K(long block, float[] target, int at) {
        for (int group = 0; group < 8; group++) {
            FloatVector scale = BlockLanes.scale(block, group);
            FloatVector offset = BlockLanes.offset(block, group);
            for (int i = 32 * group; i < 32 * group + 32; i += COUNT) {
                BlockLanes.q4_K(block, i).fma(scale, offset).intoArray(target, at + i);
            }
        }
    }

    private static void q5_K(long block, float[] target, int at) {
        for (int group = 0; group < 8; group++) {
            FloatVector scale = BlockLanes.scale(block, group);
            FloatVector offset = BlockLanes.offset(block, group);
            for (int i = 32 * group; i < 32 * group + 32; i += COUNT) {
                BlockLanes.q5_K(block, i).fma(scale, offset).intoArray(target, at + i);
            }
        }
    }

    private static void q6_K(long block, float[] target, int at) {
        for (int group = 0; group < 16; group++) {
            FloatVector scale = BlockLanes.scale6(block, group);
            for (int i = 16 * group; i < 16 * group + 16; i += COUNT) {
                BlockLanes.q6_K(block, i).mul(scale).intoArray(target, at + i);
            }
        }
    }
}
