package dev.anser.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.TensorCheckpoint;
import dev.anser.tensor.Backends;
import dev.anser.tensor.DType;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// RWKV-4, 5.1, 5.2 and 6 against numbers that the official code computed in double precision: the
/// logits of every token and the state after the last. The goldens of 5.1 and 5.2 are this
/// project's own; those of 4 and 6 are read where the shared ones are, as is a learned state of 6.
class RwkvGoldenTests {
    private static final double LOGITS = 5e-5;
    private static final double STATE = 1e-4;

    private static Path folder(String name) {
        Path own = Golden.own(name);
        Path folder = Files.exists(own) ? own : Golden.shared("golden/inference/" + name);
        assumeTrue(Files.exists(folder));
        return folder;
    }

    private static Path model(String name) {
        Path file = folder(name).resolve("model.safetensors");
        return Files.exists(file) ? file : folder(name).resolve("model.pth");
    }

    @ParameterizedTest
    @CsvSource({
        "rwkv4-L3-D64,4",
        "rwkv5.1-L2-D64-hs32,5.1",
        "rwkv5.2-L2-D64-hs32,5.2",
        "rwkv6-L2-D128,6.0"
    })
    void logitsAndStateEqualTheReferenceInAnyChunkingAndOnAnyNumberOfThreads(
            String name, String version) {
        int[] ids = Golden.npy(folder(name).resolve("tokens.npy")).ints();
        Golden.Array expected = Golden.npy(folder(name).resolve("logits_f64.npy"));
        Map<String, Golden.Array> states = Golden.npz(folder(name).resolve("state_f64.npz"));
        for (String backend : new String[] {"scalar", "vector"}) {
            float[] first = null;
            for (int threads = 1; threads <= 3; threads++) {
                for (int chunk : new int[] {ids.length, 1, 7}) {
                    try (Loaded loaded = new Loaded(model(name), backend, threads);
                            State state = loaded.model.newState()) {
                        assertThat(loaded.model.config().version()).isEqualTo(version);
                        float[] logits = loaded.logits(state, chunk, ids);
                        first = first == null ? logits : first;
                        assertThat(logits)
                                .as("%s, %d threads, chunks of %d", backend, threads, chunk)
                                .isEqualTo(first);
                        checkState(state, states);
                    }
                }
            }
            double worst = expected.largestDifference(Objects.requireNonNull(first));
            System.out.printf("%s %s: logits %.1e%n", name, backend, worst);
            assertThat(worst).isLessThan(LOGITS);
        }
    }

    private static void checkState(State state, Map<String, Golden.Array> expected) {
        assertThat(state.layout().slots()).hasSize(expected.size());
        for (int i = 0; i < expected.size(); i++) {
            StateLayout.Slot slot = state.layout().slots().get(i);
            assertThat(slot.transposedInFile()).isFalse();
            Golden.Array array = Objects.requireNonNull(expected.get(slot.name()), slot.name());
            assertThat(array.largestDifference(state.tensor(i).toFloats()))
                    .as(slot.name())
                    .isLessThan(STATE);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "rwkv4-L3-D64",
                "rwkv5.1-L2-D64-hs32",
                "rwkv5.2-L2-D64-hs32",
                "rwkv6-L2-D128"
            })
    void everySequenceOfARaggedBatchComputesWhatItComputesAlone(String name) {
        int[] ids = Golden.npy(folder(name).resolve("tokens.npy")).ints();
        int[] lengths = {1, 2, 17};
        try (Loaded loaded = new Loaded(model(name), "vector", 2)) {
            State[] together = new State[lengths.length];
            Batch.Builder builder = Batch.builder();
            for (int i = 0; i < lengths.length; i++) {
                together[i] = loaded.model.newState();
                builder.add(
                        together[i], Batch.Logits.ALL, Arrays.copyOfRange(ids, i, i + lengths[i]));
            }
            float[] all = loaded.model.forward(loaded.ops, builder.build()).toFloats();
            int at = 0;
            for (int i = 0; i < lengths.length; i++) {
                try (State alone = loaded.model.newState()) {
                    float[] expected =
                            loaded.logits(
                                    alone, lengths[i], Arrays.copyOfRange(ids, i, i + lengths[i]));
                    assertThat(Arrays.copyOfRange(all, at, at + expected.length))
                            .isEqualTo(expected);
                    assertThat(together[i].sameAs(alone)).isTrue();
                    at += expected.length;
                }
                together[i].close();
            }
        }
    }

    /// RWKV-5.0 has no gate, and as `time_first` the logarithm of its bonus. There is no golden of
    /// it but the trained one of rwkv.cpp.
    @Test
    void aModelWithoutAGateIsOf50AndNotOf4() {
        try (Checkpoint of51 = Checkpoints.open(model("rwkv5.1-L2-D64-hs32"));
                Arena arena = Arena.ofConfined()) {
            SequencedMap<String, Tensor> raw = new LinkedHashMap<>();
            SequencedMap<String, Tensor> logarithm = new LinkedHashMap<>();
            for (String name : of51.names()) {
                Tensor tensor = of51.tensor(name);
                if (name.contains("att.gate") || name.contains("att.time_mix_g")) {
                    continue;
                }
                if (!name.endsWith("time_faaaa")) {
                    raw.put(name, tensor);
                    logarithm.put(name, tensor);
                    continue;
                }
                Tensor bonus = Tensor.allocate(arena, DType.F32, tensor.shape().sizes());
                Tensor first = Tensor.allocate(arena, DType.F32, tensor.shape().sizes());
                for (long i = 0; i < tensor.elements(); i++) {
                    first.set(i, tensor.get(i));
                    bonus.set(i, (float) Math.exp(tensor.get(i)));
                }
                raw.put(name, bonus);
                logarithm.put(name.replace("time_faaaa", "time_first"), first);
            }
            float[] expected = logitsOf50(raw);
            float[] actual = logitsOf50(logarithm);
            for (int i = 0; i < expected.length; i++) {
                assertThat(actual[i]).isCloseTo(expected[i], within(1e-5f));
            }
        }
    }

    private static float[] logitsOf50(SequencedMap<String, Tensor> tensors) {
        Checkpoint checkpoint = new TensorCheckpoint("5.0", "test", tensors, Map.of());
        try (Threads threads = new Threads(2);
                EagerOps ops = Backends.named("vector").newOps(threads);
                LanguageModel model = Architectures.load(checkpoint);
                State state = model.newState()) {
            assertThat(model.config().architecture()).isEqualTo("rwkv5");
            assertThat(model.config().version()).isEqualTo("5.0");
            return model.forward(ops, Batch.of(state, Batch.Logits.ALL, 1, 2, 3, 4, 5)).toFloats();
        }
    }

    /// What state tuning made: its axes are (head, value, key), those of a state (head, key,
    /// value).
    @Test
    void aLearnedStateOfRwkv6GivesTheOfficialLogitsAsAFileAndInAModel() {
        Path folder = folder("rwkv6-L2-D128");
        Path learned = folder.resolve("time_state.safetensors");
        Golden.Array expected = Golden.npy(folder.resolve("logits_rnn_with_time_state.npy"));
        int[] ids = Golden.npy(folder.resolve("tokens.npy")).ints();
        int[] tokens = Arrays.copyOf(ids, expected.shape()[0]);
        try (Loaded loaded = new Loaded(model("rwkv6-L2-D128"), "vector", 2);
                State state = loaded.model.newState();
                State without = loaded.model.newState();
                Checkpoint part = Checkpoints.open(learned)) {
            assertThat(state.load(learned)).isEqualTo(State.Origin.BEGINNING);
            float[] logits = loaded.logits(state, 5, tokens);
            assertThat(expected.largestDifference(logits)).isLessThan(LOGITS);
            assertThat(expected.largestDifference(loaded.logits(without, 5, tokens)))
                    .isGreaterThan(1e-2);

            SequencedMap<String, Tensor> all = new LinkedHashMap<>();
            loaded.checkpoint
                    .names()
                    .forEach(name -> all.put(name, loaded.checkpoint.tensor(name)));
            part.names().forEach(name -> all.put(name, part.tensor(name)));
            try (LanguageModel joined =
                            Architectures.load(
                                    new TensorCheckpoint("joined", "test", all, Map.of()));
                    State beginning = joined.newState()) {
                float[] same =
                        joined.forward(loaded.ops, Batch.of(beginning, Batch.Logits.ALL, tokens))
                                .toFloats();
                assertThat(same).isEqualTo(logits);
            }
        }
    }
}
