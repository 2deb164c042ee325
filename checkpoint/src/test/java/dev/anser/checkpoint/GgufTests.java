package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufTests {
    @TempDir Path folder;

    private static Checkpoint golden() {
        return Checkpoints.open(Goldens.local("formats/torture.gguf"));
    }

    @Test
    void everyTypeOfMetadataIsRead() {
        try (Checkpoint checkpoint = golden()) {
            assertThat(checkpoint.format()).isEqualTo("gguf");
            assertThat(checkpoint.values())
                    .containsEntry("general.architecture", "rwkv7")
                    .containsEntry("t.u8", 255L)
                    .containsEntry("t.i8", -128L)
                    .containsEntry("t.u16", 65535L)
                    .containsEntry("t.i16", -32768L)
                    .containsEntry("t.u32", 4294967295L)
                    .containsEntry("t.i32", -2147483648L)
                    .containsEntry("t.f32", (double) 1e-5f)
                    .containsEntry("t.yes", true)
                    .containsEntry("t.no", false)
                    .containsEntry("t.text", "a é 权重\n")
                    .containsEntry("t.u64", Long.MAX_VALUE)
                    .containsEntry("t.beyond", 0x1p64 - 2048)
                    .containsEntry("t.i64", Long.MIN_VALUE)
                    .containsEntry("t.f64", 0.1)
                    .containsEntry("t.texts", List.of("a", "", "é", "\\n"))
                    .containsEntry("t.i32s", List.of(1L, -2L, 3L))
                    .containsEntry("t.f32s", List.of(0.5, -1.5))
                    .containsEntry("t.flags", List.of(true, false));
            assertThat(checkpoint.metadata())
                    .containsEntry("t.u8", "255")
                    .containsEntry("t.f32", "1.0E-5")
                    .containsEntry("t.yes", "true")
                    .containsEntry("t.text", "a é 权重\n")
                    .doesNotContainKey("t.texts");
        }
    }

    @Test
    void plainTensorsHaveTheirValuesAndQuantisedOnesTheirBytes() {
        try (Checkpoint checkpoint = golden()) {
            for (String name : List.of("f32", "f16", "f64", "i8", "i16", "i32", "i64")) {
                assertThat(checkpoint.entry(name).shape()).hasToString("[2, 3]");
                assertThat(Elements.of(checkpoint.tensor(name)))
                        .as(name)
                        .containsExactly(-2, -1, 0, 1, 2, 3);
            }
            for (DType dtype : DType.values()) {
                if (dtype.quantised()) {
                    Tensor tensor = checkpoint.tensor(dtype.name());
                    assertThat(tensor).hasToString(dtype + " [2, 256]");
                }
            }
            Tensor kept = checkpoint.tensor("Q6_K");
            assertThat(kept.bytes()).isEqualTo(420);
            for (int i = 0; i < 420; i++) {
                byte b = kept.segment().get(ValueLayout.JAVA_BYTE, i);
                assertThat(b).isEqualTo((byte) (i % 251));
            }
            assertThat(checkpoint.entry("axes").shape()).hasToString("[2, 3, 4, 1]");
            assertThat(checkpoint.tensor("axes").get(23)).isEqualTo(23);
        }
    }

    static Stream<Path> models() {
        return Goldens.sharedFiles("golden/gguf", ".gguf");
    }

    @ParameterizedTest
    @MethodSource("models")
    void everyModelOpensAndItsTokenizerIsThere(Path file) {
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            assertThat(checkpoint.names()).contains("token_embd.weight", "output_norm.weight");
            String architecture = checkpoint.metadata().get("general.architecture");
            assertThat(checkpoint.values().get(architecture + ".block_count"))
                    .isInstanceOf(Long.class);
            assertThat(checkpoint.values().get("tokenizer.ggml.tokens"))
                    .asInstanceOf(InstanceOfAssertFactories.LIST)
                    .hasSize((int) checkpoint.entry("token_embd.weight").shape().size(0))
                    .allMatch(String.class::isInstance);
            for (String name : checkpoint.names()) {
                assertThat(checkpoint.tensor(name).bytes()).isPositive();
            }
        }
    }

    private static String patched(int at, int... words) {
        byte[] bytes = GgufBytes.honest().toBytes();
        for (int i = 0; i < 4 * words.length; i++) {
            bytes[at + i] = (byte) (words[i / 4] >>> 8 * (i % 4));
        }
        return Memory.refusal(bytes);
    }

    @Test
    void numbersThatLieAreRefused() {
        Memory.readAll(GgufBytes.honest().toBytes());
        assertThat(patched(4, 1)).contains("GGUF version 1, expected 2 or 3");
        assertThat(patched(4, 0x03000000)).contains("big-endian");
        assertThat(patched(8, -1, -1)).contains("claims 18446744073709551615 tensors");
        assertThat(patched(8, 100)).contains("claims 100 tensors in a file of");
        assertThat(patched(16, 0, 1)).contains("claims 4294967296 metadata values");
        assertThat(patched(24, 0)).contains("a metadata name at offset 24 has 0 bytes");
        assertThat(patched(24, -1, -1)).contains("has 18446744073709551615 bytes");
        assertThat(patched(33, 13)).contains("'k' has the unknown type 13");
        assertThat(patched(33, 7, 2)).contains("a truth value of 2");
        assertThat(patched(33, 8, -1)).contains("'k' at offset 37 is a text of");
        assertThat(patched(54, 9)).contains("array of arrays");
        assertThat(patched(58, -1, 0)).contains("array of 4294967295 values");
        assertThat(patched(58, 1 << 24)).contains("'l'");
        assertThat(patched(54, 12, 1 << 24)).contains("'l' needs 134217728 bytes");
        assertThat(patched(66, 0, 1)).contains("'l' at offset 66 is a text of 4294967296 bytes");
    }

    private static byte[] one(int type, long offset, long... axes) {
        return new GgufBytes(3, 1, 0).tensor("w", type, offset, axes).data(64).toBytes();
    }

    @Test
    void tensorsThatLieAreRefused() {
        Memory.readAll(one(0, 0, 16));
        assertThat(Memory.refusal(one(0, 0, 1, 1, 1, 1, 1))).contains("'w' has 5 axes");
        assertThat(Memory.refusal(one(0, 0, -1))).contains("negative size");
        assertThat(Memory.refusal(one(0, 0, 1L << 40, 1L << 40))).contains("2^63");
        assertThat(Memory.refusal(one(0, 0, 17))).contains("its data ends at");
        assertThat(Memory.refusal(one(0, 64, 1))).contains("its data ends at");
        assertThat(Memory.refusal(one(0, 16, 1))).contains("expected a multiple of 32");
        assertThat(Memory.refusal(one(0, -32, 1))).contains("expected a multiple of 32");
        assertThat(Memory.refusal(one(0, 1L << 62, 1))).contains("inside the file");
        assertThat(Memory.refusal(one(2, 0, 16, 2))).contains("rows of 16 elements", "Q4_0");
        assertThat(Memory.refusal(one(23, 0, 256))).contains("type IQ4_XS, which is not supported");
        assertThat(Memory.refusal(one(39, 0, 32))).contains("type MXFP4", "Q6_K, IQ4_NL");
        assertThat(Memory.refusal(one(4, 0, 32))).contains("type Q4_2");
        assertThat(Memory.refusal(one(41, 0, 32))).contains("unknown type 41");
        assertThat(Memory.refusal(one(-1, 0, 32))).contains("unknown type 4294967295");
    }

    @Test
    void sameNamesAndSharedBytesAreRefused() {
        byte[] names =
                new GgufBytes(3, 2, 0)
                        .tensor("w", 0, 0, 1)
                        .tensor("w", 0, 32, 1)
                        .data(64)
                        .toBytes();
        assertThat(Memory.refusal(names)).contains("two tensors named 'w'");
        byte[] shared =
                new GgufBytes(3, 2, 0)
                        .tensor("v", 0, 0, 9)
                        .tensor("w", 0, 32, 1)
                        .data(64)
                        .toBytes();
        assertThat(Memory.refusal(shared)).contains("'w'", "overlaps the one before it");
        byte[] values =
                new GgufBytes(3, 0, 2).text("k").i32(4).i32(1).text("k").i32(5).i32(1).toBytes();
        assertThat(Memory.refusal(values)).contains("two metadata values named 'k'");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, -8, 1 << 22})
    void anAlignmentThatIsNoneIsRefused(int alignment) {
        byte[] bytes =
                new GgufBytes(2, 0, 1)
                        .text("general.alignment")
                        .i32(5)
                        .i32(alignment)
                        .data(0)
                        .toBytes();
        assertThat(Memory.refusal(bytes)).contains("general.alignment is " + alignment);
    }

    @Test
    void anotherAlignmentIsFollowed() {
        byte[] bytes =
                new GgufBytes(2, 1, 1)
                        .text("general.alignment")
                        .i32(4)
                        .i32(8)
                        .tensor("w", 0, 8, 1)
                        .data(32)
                        .toBytes();
        Memory.readAll(bytes);
    }

    @Test
    void aPartOfAModelIsRefused() {
        byte[] bytes = new GgufBytes(3, 0, 1).text("split.count").i32(4).i32(3).data(0).toBytes();
        assertThat(Memory.refusal(bytes)).contains("one of 3 parts", "--merge");
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] whole = GgufBytes.honest().toBytes();
        for (int length = 0; length < whole.length; length++) {
            assertThat(Memory.refusal(Arrays.copyOf(whole, length))).isNotEmpty();
        }
    }

    @Test
    void aTextThatIsNotUtf8IsRefusedWhenItIsAskedFor() {
        byte[] bytes =
                new GgufBytes(3, 0, 1)
                        .text("l")
                        .i32(9)
                        .i32(8)
                        .i64(1)
                        .text("\u00ff")
                        .data(0)
                        .toBytes();
        assertThat(Memory.refusal(bytes)).contains("the value of 'l'", "not valid UTF-8");
    }

    @Test
    void whatIsWrittenReadsBack() throws IOException {
        Path path = folder.resolve("out.gguf");
        List<String> tokens = List.of("<s>", "", "é", "\n");
        GgufMetadata metadata =
                new GgufMetadata()
                        .text("general.architecture", "rwkv7")
                        .u32("u", 4294967295L)
                        .i32("i", -1)
                        .i64("l", Long.MIN_VALUE)
                        .f32("f", 1e-5)
                        .bool("b", true)
                        .texts("tokens", tokens)
                        .i32s("types", 1, -2)
                        .f32s("scores", 0.5f, -1);
        List<Checkpoint.Entry> entries = new ArrayList<>();
        for (DType dtype : DType.values()) {
            if (dtype != DType.U8 && dtype != DType.BOOL) {
                entries.add(new Checkpoint.Entry("权重." + dtype, dtype, Shape.of(3, 256)));
            }
        }
        entries.add(new Checkpoint.Entry("small", DType.F32, Shape.of(1, 1, 3)));
        entries.add(new Checkpoint.Entry("scalar", DType.F32, Shape.of()));
        entries.add(new Checkpoint.Entry("empty", DType.F16, Shape.of(0, 4)));
        try (Arena arena = Arena.ofConfined()) {
            Gguf.write(path, entries, metadata, entry -> made(arena, entry));
            try (Checkpoint read = Checkpoints.open(path)) {
                assertThat(read.names())
                        .containsExactlyElementsOf(
                                entries.stream().map(Checkpoint.Entry::name).toList());
                for (Checkpoint.Entry entry : entries) {
                    assertThat(read.entry(entry.name())).isEqualTo(entry);
                    Tensor tensor = read.tensor(entry.name());
                    assertThat(tensor.address() % 32).isZero();
                    assertThat(tensor.segment().mismatch(made(arena, entry).segment()))
                            .isEqualTo(-1);
                }
                assertThat(read.values())
                        .containsEntry("u", 4294967295L)
                        .containsEntry("i", -1L)
                        .containsEntry("l", Long.MIN_VALUE)
                        .containsEntry("f", (double) 1e-5f)
                        .containsEntry("b", true)
                        .containsEntry("tokens", tokens)
                        .containsEntry("types", List.of(1L, -2L))
                        .containsEntry("scores", List.of(0.5, -1.0));
                Path again = folder.resolve("again.gguf");
                Gguf.write(
                        again,
                        entries,
                        new GgufMetadata().values(read.values()),
                        entry -> read.tensor(entry.name()));
                assertThat(Files.mismatch(path, again)).isEqualTo(-1);
            }
        }
        assertThat(Files.size(path) % 32).isZero();
    }

    private static Tensor made(Arena arena, Checkpoint.Entry entry) {
        Tensor tensor = Tensor.allocate(arena, entry.dtype(), entry.shape().sizes());
        tensor.segment().fill((byte) entry.dtype().blockBytes());
        return tensor;
    }

    @Test
    void whatGgufCannotHoldIsNotWritten() {
        Path path = folder.resolve("out.gguf");
        Map<Checkpoint.Entry, String> entries =
                Map.of(
                        new Checkpoint.Entry("a", DType.BOOL, Shape.of(1)), "'a' is BOOL",
                        new Checkpoint.Entry("b", DType.Q4_0, Shape.of(2, 16)), "multiple of 32",
                        new Checkpoint.Entry("c", DType.F32, Shape.of(1, 1, 1, 1, 1)), "4 axes",
                        new Checkpoint.Entry("", DType.F32, Shape.of(1)), "is empty");
        entries.forEach((entry, expected) ->
                assertThat(
                                Refusal.of(() ->
                                        Gguf.write(
                                                path,
                                                List.of(entry),
                                                new GgufMetadata(),
                                                _ -> {
                                                    throw new AssertionError();
                                                })))
                        .contains("out.gguf: cannot be written", expected));
        assertThat(path).doesNotExist();
    }

    @Test
    void metadataThatGgufCannotHoldIsRefused() {
        GgufMetadata metadata = new GgufMetadata().u32("a", 1);
        assertThat(Refusal.of(() -> metadata.text("a", ""))).contains("'a'", "comes twice");
        assertThat(Refusal.of(() -> metadata.u32("b", -1))).contains("'b'", "-1 does not fit");
        assertThat(Refusal.of(() -> metadata.text("c", "\ud800"))).contains("surrogate");
        assertThat(Refusal.of(() -> metadata.u32("general.alignment", 64))).contains("leave it");
        assertThat(Refusal.of(() -> metadata.values(Map.of("d", List.of(1L, "x")))))
                .contains("several kinds");
        assertThat(Refusal.of(() -> metadata.values(Map.of("e", Map.of())))).contains("no type");
    }

    @Test
    void anEmptyListIsOneOfTexts() {
        byte[] bytes = new GgufMetadata().values(Map.of("merges", List.of())).toBytes();
        int type = Long.BYTES + "merges".length();
        ByteBuffer content = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(content.getInt(type)).as("array").isEqualTo(9);
        assertThat(content.getInt(type + 4)).as("of texts").isEqualTo(8);
        assertThat(content.getLong(type + 8)).isZero();
        assertThat(bytes).hasSize(type + 16);
    }
}
