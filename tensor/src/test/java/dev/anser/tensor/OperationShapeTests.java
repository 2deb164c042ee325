package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Operands that do not fit together are refused before anything is read or written.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperationShapeTests {
    private final Arena arena = Arena.ofConfined();
    private final Threads threads = new Threads(1);
    private final EagerOps ops = Backends.named("vector").newOps(threads);

    private final Tensor x = tensor(3, 8);
    private final Tensor wide = tensor(3, 9);
    private final Tensor low = tensor(2, 8);
    private final Tensor vector = tensor(1, 8);
    private final Tensor other = tensor(1, 7);

    @AfterAll
    void free() {
        ops.close();
        threads.close();
        arena.close();
    }

    private Tensor tensor(long... sizes) {
        return Tensor.allocate(arena, DType.F32, sizes);
    }

    private static Segments batch(int rows, Tensor... carried) {
        return new TestSegments(new int[] {rows}, new Tensor[][] {carried});
    }

    Stream<Arguments> misfits() {
        Segments three = batch(3, vector, vector, vector);
        Segments two = batch(2, vector, vector, vector);
        Segments uneven = batch(3, vector, vector, other);
        Segments matrix = batch(3, tensor(2, 4, 4));
        Segments cache = batch(3, Tensor.of(arena, new float[] {3}, 1), x, x);
        Segments retained = batch(3, tensor(2, 4, 4), tensor(2));
        RotaryEmbedding.Pairs halves = RotaryEmbedding.Pairs.HALVES;
        return Stream.of(
                of("wkv4, keys", new Wkv4(vector, vector, wide, x, three, 0)),
                of("wkv4, decay", new Wkv4(other, vector, x, x, three, 0)),
                of("wkv4, bonus", new Wkv4(vector, other, x, x, three, 0)),
                of("wkv4, state", new Wkv4(vector, vector, x, x, uneven, 0)),
                of("wkv4, batch", new Wkv4(vector, vector, x, x, two, 0)),
                of("wkv6, keys", new Wkv6(x, x, low, x, vector, 4, matrix, 0)),
                of("wkv6, values", new Wkv6(x, x, x, wide, vector, 4, matrix, 0)),
                of("wkv6, decays", new Wkv6(x, low, x, x, vector, 4, matrix, 0)),
                of("wkv6, one decay", new Wkv6(x, other, x, x, vector, 4, matrix, 0)),
                of("wkv6, bonus", new Wkv6(x, x, x, x, other, 4, matrix, 0)),
                of("wkv6, heads", new Wkv6(x, x, x, x, vector, 3, matrix, 0)),
                of("wkv6, no heads", new Wkv6(x, x, x, x, vector, 0, matrix, 0)),
                of("wkv6, state", new Wkv6(x, x, x, x, vector, 2, matrix, 0)),
                of("wkv6, batch", new Wkv6(low, low, low, low, vector, 4, matrix, 0)),
                of("decay6", new Decay6(x, other)),
                of("groupNorm, heads", new GroupNorm(x, vector, vector, 1e-5f, 3)),
                of("groupNorm, weight", new GroupNorm(x, other, vector, 1e-5f, 4)),
                of("groupNorm, bias", new GroupNorm(x, vector, other, 1e-5f, 4)),
                of("bonus7, heads", new Bonus7(x, x, x, x, vector, null, 3)),
                of("bonus7, no heads", new Bonus7(x, x, x, x, vector, null, 0)),
                of("bonus7, values", new Bonus7(x, x, x, low, vector, null, 4)),
                of("bonus7, gate", new Bonus7(x, x, x, x, vector, low, 4)),
                of("bonus7, bonus", new Bonus7(x, x, x, x, other, null, 4)),
                of("perChannel", new PerChannel(other, 8, PerChannel.Function.EXP)),
                of("perChannel, fewer", new PerChannel(vector, 4, PerChannel.Function.EXP)),
                of("previousRows, state", new PreviousRows(wide, three, 0)),
                of("previousRows, batch", new PreviousRows(x, two, 0)),
                of("vectorLerp", new VectorLerp(x, low, vector)),
                of("vectorLerp, share", new VectorLerp(x, x, other)),
                of("vectorLerp, more", new VectorLerp(x, x, vector, wide)),
                of("activate", new Activate(Activation.SILU, x, low)),
                of("addBias", new AddBias(x, other)),
                of("rmsNorm", new RmsNorm(x, other, 1e-5f)),
                of("rmsNorm, heads", RmsNorm.ofHeads(x, 3, 1e-5f)),
                of("rmsNorm, no heads", RmsNorm.ofHeads(x, 0, 1e-5f)),
                of("rotary, heads", new RotaryEmbedding(x, tensor(3, 2), 3, halves)),
                of("rotary, no heads", new RotaryEmbedding(x, tensor(3, 2), 0, halves)),
                of("rotary, rotations", new RotaryEmbedding(x, tensor(3, 6), 4, halves)),
                of("rotary, rows", new RotaryEmbedding(x, tensor(2, 2), 4, halves)),
                of("splitHeads", new SplitHeads(x, 3, 2)),
                of("splitHeads, none", new SplitHeads(x, 2, 0)),
                of("attention, heads", new Attention(x, x, x, 3, cache, 0, 1)),
                of("attention, no heads", new Attention(x, x, x, 0, cache, 0, 1)),
                of("attention, keys", new Attention(x, low, x, 4, cache, 0, 1)),
                of("attention, values", new Attention(x, x, tensor(3, 4), 4, cache, 0, 1)),
                of("attention, batch", new Attention(low, low, low, 4, cache, 0, 1)),
                of("retention, heads", new Retention(x, x, x, 3, retained, 0)),
                of("retention, no heads", new Retention(x, x, x, 0, retained, 0)),
                of("retention, keys", new Retention(x, low, x, 2, retained, 0)),
                of("retention, state", new Retention(x, x, x, 4, retained, 0)),
                of("retention, batch", new Retention(low, low, low, 2, retained, 0)));
    }

    private static Arguments of(String name, Operation operation) {
        return Arguments.of(name, operation);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("misfits")
    void whatDoesNotFitIsRefused(String name, Operation operation) {
        ops.begin();
        assertThatThrownBy(() -> ops.run(operation)).as(name).isInstanceOf(ShapeException.class);
    }
}
