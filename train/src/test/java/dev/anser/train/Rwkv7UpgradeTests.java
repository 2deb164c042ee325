package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.checkpoint.Npy;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.model.Architectures;
import dev.anser.model.ModelConfig;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.model.rwkv7.Rwkv7Upgrade;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.BiConsumer;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// An RWKV-6 model as an RWKV-7 to begin training with.
class Rwkv7UpgradeTests {
    private static final Path GOLDEN = Path.of("src/test/resources/golden");
    private static final Path MODEL = GOLDEN.resolve("training-rwkv6/weights_init.safetensors");
    private static final int WIDTH = 32;

    private final Threads threads = new Threads(2);
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void free() {
        threads.close();
        arena.close();
    }

    private Checkpoint upgraded() {
        return new Rwkv7Upgrade(Checkpoints.open(MODEL), threads).upgraded();
    }

    /// The golden model in memory, with `change` made to its tensors.
    private Checkpoint changed(DType type, BiConsumer<SequencedMap<String, Tensor>, Arena> change) {
        SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
        try (Checkpoint model = Checkpoints.open(MODEL)) {
            for (String name : model.names()) {
                Tensor from = model.tensor(name);
                Tensor to = Tensor.allocate(arena, type, from.shape().sizes());
                to.set(from.toFloats());
                tensors.put(name, to);
            }
        }
        change.accept(tensors, arena);
        return new TensorCheckpoint("old.pth", "pth", tensors, Map.of());
    }

    private static void assertMade(
            Checkpoint from, String old, Checkpoint to, String name, DoubleUnaryOperator rule) {
        Tensor expected = from.tensor(old);
        Tensor actual = to.tensor(name);
        assertThat(actual.shape().squeeze()).as(name).isEqualTo(expected.shape().squeeze());
        for (long i = 0; i < expected.elements(); i++) {
            assertThat(actual.get(i))
                    .as(name)
                    .isEqualTo((float) rule.applyAsDouble(expected.get(i)));
        }
    }

    @Test
    void weightsAreKeptHalvedOrRootedByTheRule() {
        try (Checkpoint old = Checkpoints.open(MODEL);
                Checkpoint made = upgraded()) {
            assertMade(old, "head.weight", made, "head.weight", x -> x);
            assertMade(old, "emb.weight", made, "emb.weight", x -> x / 2);
            for (String norm : new String[] {"ln_out", "blocks.0.ln0"}) {
                assertNorm(old, made, norm);
            }
            for (int layer = 0; layer < 2; layer++) {
                String att = "blocks." + layer + ".att.";
                String ffn = "blocks." + layer + ".ffn.";
                for (String norm : new String[] {"ln1", "ln2", "att.ln_x"}) {
                    assertNorm(old, made, "blocks." + layer + "." + norm);
                }
                for (String name : new String[] {"key.weight", "value.weight"}) {
                    assertMade(old, att + name, made, att + name, x -> x);
                }
                for (String name : new String[] {"receptance.weight", "output.weight"}) {
                    assertMade(old, att + name, made, att + name, x -> x / 2);
                }
                for (String mix : new String[] {"r", "w", "k", "v", "g"}) {
                    assertMade(old, att + "time_maa_" + mix, made, att + "x_" + mix, x -> x);
                }
                assertMade(old, ffn + "time_maa_k", made, ffn + "x_k", x -> x);
            }
        }
    }

    private static void assertNorm(Checkpoint old, Checkpoint made, String name) {
        String weight = name + ".weight";
        assertMade(old, weight, made, weight, x -> Math.sqrt(Math.max(0, x)));
        assertMade(old, name + ".bias", made, name + ".bias", x -> x / 2);
    }

    @Test
    void decaysOfATokenWithoutALowRankPartStayWhatTheyWereWhereTheyCan() {
        int equal = 0;
        try (Checkpoint old = Checkpoints.open(MODEL);
                Checkpoint made = upgraded()) {
            for (int layer = 0; layer < 2; layer++) {
                float[] before = old.tensor("blocks." + layer + ".att.time_decay").toFloats();
                float[] after = made.tensor("blocks." + layer + ".att.w0").toFloats();
                for (int i = 0; i < WIDTH; i++) {
                    double expected = Math.exp(-Math.exp(before[i]));
                    double sigmoid = 1 / (1 + Math.exp(-after[i]));
                    double actual = Math.exp(-Math.exp(-0.5) * sigmoid);
                    if (expected >= 0.562) {
                        equal++;
                        assertThat(actual).isCloseTo(expected, within(1e-6));
                    } else {
                        assertThat(after[i]).isEqualTo(3);
                        assertThat(actual).isCloseTo(0.561, within(5e-4));
                    }
                }
            }
        }
        assertThat(equal).isBetween(WIDTH, 2 * WIDTH - 1); // both kinds are there
    }

    @Test
    void matricesThatBecomeWiderKeepTheirNumbersAndGetSmallOnes() {
        try (Checkpoint old = Checkpoints.open(MODEL);
                Checkpoint made = upgraded()) {
            assertWider(old, "ffn.key.weight", made, "ffn.key.weight", 4 * WIDTH, WIDTH, 1e-3);
            assertWider(old, "ffn.value.weight", made, "ffn.value.weight", WIDTH, 4 * WIDTH, 1e-3);
            assertWider(old, "att.time_decay_w1", made, "att.w1", WIDTH, 32, 1e-4);
            assertWider(old, "att.time_decay_w2", made, "att.w2", 32, WIDTH, 1e-4);
        }
    }

    private static void assertWider(
            Checkpoint old,
            String before,
            Checkpoint made,
            String after,
            int rows,
            int columns,
            double bound) {
        Tensor from = old.tensor("blocks.1." + before);
        Tensor to = made.tensor("blocks.1." + after);
        assertThat(to.shape().sizes()).containsExactly(rows, columns);
        double largest = 0;
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                float value = to.get((long) row * columns + column);
                if (row < from.rows() && column < from.columns()) {
                    assertThat(value).isEqualTo(from.get((long) row * from.columns() + column));
                } else {
                    largest = Math.max(largest, Math.abs(value));
                }
            }
        }
        assertThat(largest).isBetween(0.9 * bound, bound);
    }

    /// 32 outputs and the official width of 32: the pair can be all of the gate.
    @Test
    void gatePairMultipliesToAQuarterOfTheGate() {
        try (Checkpoint old = Checkpoints.open(MODEL);
                Checkpoint made = upgraded()) {
            Tensor gate = old.tensor("blocks.1.att.gate.weight");
            Tensor down = made.tensor("blocks.1.att.g1");
            Tensor up = made.tensor("blocks.1.att.g2");
            for (int in = 0; in < WIDTH; in++) {
                for (int out = 0; out < WIDTH; out++) {
                    double sum = 0;
                    for (int i = 0; i < WIDTH; i++) {
                        sum += down.get((long) in * WIDTH + i) * up.get((long) i * WIDTH + out);
                    }
                    assertThat(4 * sum).isCloseTo(gate.get((long) out * WIDTH + in), within(1e-5));
                }
            }
        }
    }

    @Test
    void restBeginsAsInANewModelAndWhatIsLostIsNamed() {
        Rwkv7Upgrade upgrade = new Rwkv7Upgrade(Checkpoints.open(MODEL), threads);
        assertThat(upgrade.lost())
                .containsExactlyInAnyOrder(
                        "blocks.#.att.time_faaaa",
                        "blocks.#.att.time_maa_w1",
                        "blocks.#.att.time_maa_w2",
                        "blocks.#.att.time_maa_x",
                        "blocks.#.ffn.receptance.weight",
                        "blocks.#.ffn.time_maa_r");
        assertThat(upgrade.approximate())
                .containsExactlyInAnyOrder(
                        "blocks.#.att.w1", "blocks.#.att.w2", "blocks.#.att.g1", "blocks.#.att.g2");
        assertThat(upgrade.fresh()).hasSize(10).contains("blocks.#.att.a0", "blocks.#.att.r_k");
        Map<String, Tensor> initial =
                Rwkv7Initial.training(Rwkv7Initial.Sizes.of(2, WIDTH, 16, 48), 1)
                        .tensors(arena, threads);
        try (Checkpoint made = upgrade.upgraded()) {
            assertThat(made.names()).containsExactlyElementsOf(initial.keySet());
            for (String own : new String[] {"a0", "v0", "k_k", "k_a", "r_k", "x_a"}) {
                String name = "blocks.1.att." + own;
                assertThat(made.tensor(name).toFloats())
                        .as(name)
                        .isEqualTo(Objects.requireNonNull(initial.get(name)).toFloats());
            }
        }
    }

    @Test
    void modelOpensAndLearns() {
        int[] all = Npy.read(GOLDEN.resolve("training-rwkv6/tokens.npy")).ints();
        int[][] batch = new int[2][33];
        for (int i = 0; i < 66; i++) {
            batch[i / 33][i % 33] = all[i];
        }
        AdamW.Settings settings = new AdamW.Settings(3e-3, 0.9, 0.99, 1e-18, 0.1);
        try (Checkpoint made = upgraded()) {
            ModelConfig config = Architectures.describe(made);
            assertThat(config.architecture()).isEqualTo("rwkv7");
            assertThat(config.heads()).isEqualTo(2);
            assertThat(config.feedForward()).isEqualTo(4 * WIDTH);
            try (Learner learner = new Learner(made, Backends.named("vector"), threads);
                    AdamW optimiser = new AdamW(learner.parameters(), settings, threads)) {
                double first = 0;
                double last = 0;
                for (int step = 0; step < 30; step++) {
                    learner.clearGradients();
                    last = learner.addGradients(batch, true);
                    first = step == 0 ? last : first;
                    optimiser.step();
                }
                assertThat(first).isBetween(3.0, 6.0); // ln 48 is 3.9
                assertThat(last).isLessThan(first / 2);
            }
        }
    }

    @Test
    void matricesKeepTheirTypeAndVectorsAreFloats() {
        try (Checkpoint made =
                new Rwkv7Upgrade(changed(DType.BF16, (_, _) -> {}), threads).upgraded()) {
            assertThat(made.entry("blocks.0.att.a1").dtype()).isEqualTo(DType.BF16);
            assertThat(made.entry("blocks.0.att.w0").dtype()).isEqualTo(DType.F32);
            assertThat(made.metadata()).isEqualTo(Map.of("architecture", "rwkv7"));
            for (String name : made.names()) {
                assertThat(made.tensor(name).dtype()).isEqualTo(made.entry(name).dtype());
            }
        }
    }

    @Test
    void modelsThatAreNoneOfTheseAreRefused() {
        Path other = GOLDEN.resolve("training-rwkv7/weights_init.safetensors");
        try (Checkpoint rwkv7 = Checkpoints.open(other)) {
            assertThatThrownBy(() -> new Rwkv7Upgrade(rwkv7, threads))
                    .isInstanceOf(AnserException.class)
                    .hasMessageContaining("rwkv7")
                    .hasMessageContaining("expected RWKV-6");
        }
        String[] names = {"att.gate.weight", "att.key.weight", "ffn.key.weight", "ln1.bias"};
        for (String name : names) {
            assertRefused("blocks.0." + name, DType.F32);
            assertRefused("blocks.1." + name, DType.I32);
        }
        assertThatThrownBy(() ->
                        new Rwkv7Upgrade(
                                changed(
                                        DType.F32,
                                        (tensors, _) -> tensors.remove("blocks.1.att.time_decay")),
                                threads))
                .isInstanceOf(ModelFormatException.class)
                .hasMessageContaining("blocks.1.att.time_decay");
    }

    private void assertRefused(String name, DType type) {
        Checkpoint model =
                changed(
                        DType.F32,
                        (tensors, memory) ->
                                tensors.put(name, Tensor.allocate(memory, type, 3, 5)));
        assertThatThrownBy(() -> new Rwkv7Upgrade(model, threads))
                .isInstanceOf(AnserException.class)
                .hasMessageContaining("expected")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
    }
}
