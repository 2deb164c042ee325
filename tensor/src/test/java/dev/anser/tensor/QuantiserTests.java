package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class QuantiserTests {
    private final Arena arena = Arena.ofConfined();

    @AfterEach
    void free() {
        arena.close();
    }

    private Tensor encoded(DType type, Tensor source) {
        Tensor target = Tensor.allocate(arena, type, source.shape().sizes());
        Quantiser.encode(source, target);
        return target;
    }

    private Tensor constant(float value) {
        float[] values = new float[256];
        Arrays.fill(values, value);
        return Tensor.of(arena, values, 1, 256);
    }

    private Tensor golden() {
        return Tensor.of(arena, GoldenBlocks.source(), GoldenBlocks.ROWS, GoldenBlocks.COLUMNS);
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"})
    void everyBitIsTheOneOfGgml(DType type) {
        byte[] expected = GoldenBlocks.raw(type);
        byte[] actual = encoded(type, golden()).segment().toArray(ValueLayout.JAVA_BYTE);
        assertThat(actual).isEqualTo(Arrays.copyOf(expected, actual.length));
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"})
    void numbersComeBackWithinTheStepOfTheType(DType type) {
        Random random = new Random(7);
        Tensor source = Tensor.allocate(arena, DType.F32, 3, 512);
        for (int i = 0; i < source.elements(); i++) {
            source.set(i, (float) random.nextGaussian());
        }
        Tensor target = encoded(type, source);
        double squares = 0;
        for (int i = 0; i < source.elements(); i++) {
            double difference = target.get(i) - source.get(i);
            squares += difference * difference;
        }
        // Of a normal distribution: blocks of 32 reach over ±2, in 16, 32 or 256 steps.
        double expected =
                switch (type) {
                    case Q8_0 -> 0.007;
                    case Q6_K -> 0.025;
                    case Q5_0, Q5_1, Q5_K -> 0.05;
                    default -> 0.1;
                };
        assertThat(Math.sqrt(squares / source.elements())).isLessThan(expected);
    }

    @Test
    void partsOfTheRowsCanBeEncodedAlone() {
        Tensor target = Tensor.allocate(arena, DType.Q5_K, GoldenBlocks.ROWS, GoldenBlocks.COLUMNS);
        Quantiser.encode(golden(), target, 1, 3);
        Tensor whole = encoded(DType.Q5_K, golden());
        assertThat(target.part(0).segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
        for (int row = 1; row < 3; row++) {
            assertThat(target.part(row).segment().mismatch(whole.part(row).segment()))
                    .isEqualTo(-1);
        }
        assertThat(target.part(3).segment().toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    }

    @Test
    void quantisedWeightsBecomeFloatsAgain() {
        Tensor small = encoded(DType.Q4_K, golden());
        assertThat(encoded(DType.F32, small).toFloats()).isEqualTo(small.toFloats());
        Tensor half = encoded(DType.BF16, small);
        assertThat(half.get(5))
                .isEqualTo(Float.intBitsToFloat(Tensor.floatToBfloat16(small.get(5)) << 16));
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"})
    void zerosAndTinyNumbersComeBackAsZeros(DType type) {
        for (float value : new float[] {0, -0f, 1e-40f, -1e-40f, 1e-16f, -1e-12f}) {
            for (float back : encoded(type, constant(value)).toFloats()) {
                assertThat(Math.abs(back)).isEqualTo(0);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"})
    void numbersBeyondTheTypeAreRefused(DType type) {
        for (float value : new float[] {-1e9f, 1e9f, -Float.MAX_VALUE}) {
            Tensor source = constant(0);
            source.set(3, value);
            assertThatThrownBy(() -> encoded(type, source))
                    .isInstanceOf(ShapeException.class)
                    .hasMessage(
                            "a number in the block at element 0 is %s, beyond what %s can hold;"
                                            .formatted(value, type)
                                    + " use BF16 or F32");
        }
        for (float value : new float[] {Float.NaN, Float.NEGATIVE_INFINITY}) {
            Tensor source = constant(1);
            source.set(70, value);
            assertThatThrownBy(() -> encoded(type, source))
                    .isInstanceOf(ShapeException.class)
                    .hasMessage(
                            "element 70 is %s, which %s cannot hold; expected finite numbers"
                                    .formatted(value, type));
        }
    }

    @Test
    void halvesRoundToNearestEvenAndRefuseWhatTheyCannotHold() {
        Tensor source = Tensor.of(arena, new float[] {1.00048828125f, 65504, Float.NaN}, 1, 3);
        assertThat(encoded(DType.F16, source).toFloats()).containsExactly(1, 65504, Float.NaN);
        Tensor large = Tensor.of(arena, new float[] {0, 70000}, 1, 2);
        assertThatThrownBy(() -> encoded(DType.F16, large))
                .isInstanceOf(ShapeException.class)
                .hasMessage("element 1 is 70000.0, beyond what F16 can hold; use BF16 or F32");
        assertThat(encoded(DType.BF16, large).get(1)).isEqualTo(70144);
    }

    @Test
    void typesThatAreNotWrittenAreRefused() {
        assertThatThrownBy(() -> encoded(DType.Q2_K, constant(1)))
                .isInstanceOf(ShapeException.class)
                .hasMessageContaining("cannot encode F32 [1, 256] as Q2_K; expected F32, F16");
        assertThatThrownBy(() ->
                        Quantiser.encode(constant(1), Tensor.allocate(arena, DType.Q8_0, 8, 32)))
                .isInstanceOf(ShapeException.class)
                .hasMessageContaining("expected the same shape");
    }
}
