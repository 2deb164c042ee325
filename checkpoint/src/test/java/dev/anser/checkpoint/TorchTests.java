package dev.anser.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TorchTests {
    private static final long[] TWO = {2};
    private static final long[] ONE = {1};

    @TempDir Path folder;

    private static byte[] honestPickle() {
        return PickleBytes.ofTensor(2, 0, TWO, ONE);
    }

    private static byte[] floats(float... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return bytes.array();
    }

    private static byte[] zip(byte[] pickle) {
        return ZipBytes.torch(pickle).add("any name/data/0", floats(1, 2)).toBytes();
    }

    private static String pickleRefusal(PickleBytes pickle) {
        return Memory.refusal(zip(pickle.end()));
    }

    private static int find(byte[] bytes, int magic, int from) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = from; i + 4 <= bytes.length; i++) {
            if (buffer.getInt(i) == magic) {
                return i;
            }
        }
        throw new AssertionError("no " + Integer.toHexString(magic));
    }

    private static String patched(byte[] bytes, Consumer<ByteBuffer> patch) {
        patch.accept(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
        return Memory.refusal(bytes);
    }

    @Test
    void anHonestFileReads() {
        Memory.readAll(zip(honestPickle()));
        Memory.readAll(
                ZipBytes.torch(honestPickle())
                        .add("any name/data/0", new byte[8])
                        .zip64()
                        .toBytes());
    }

    @Test
    void aStorageBeyondFourGibibytesReadsLazily() throws IOException {
        long elements = 5L << 28;
        byte[] pickle =
                new PickleBytes()
                        .op("}(")
                        .text("big")
                        .tensor("FloatStorage", "0", elements, 0, new long[] {elements}, ONE)
                        .text("last")
                        .tensor("FloatStorage", "1", 2, 0, TWO, ONE)
                        .text("transposed")
                        .tensor(
                                "FloatStorage",
                                "0",
                                elements,
                                elements - 4,
                                new long[] {2, 2},
                                new long[] {1, 2})
                        .op("u")
                        .end();
        Path path = folder.resolve("sparse.pth");
        ZipBytes.torch(pickle)
                .add("any name/data/0", floats(9), elements * 4)
                .add("any name/data/1", floats(1.5f, -2))
                .zip64()
                .toFile(path);
        try (Checkpoint checkpoint = Checkpoints.open(path)) {
            assertThat(checkpoint.tensor("last").toFloats()).containsExactly(1.5f, -2);
            assertThat(checkpoint.tensor("big").get(0)).isEqualTo(9);
            assertThat(checkpoint.tensor("transposed").toFloats()).containsExactly(0, 0, 0, 0);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "os,system",
        "posix,system",
        "builtins,eval",
        "__builtin__,exec",
        "subprocess,Popen",
        "torch,load",
        "torch._utils,_rebuild_tensor",
        "collections,defaultdict",
        "numpy.core.multiarray,_reconstruct",
    })
    void anyOtherImportIsRefusedByName(String module, String name) {
        String expected = "imports '" + module + "." + name + "', which a checkpoint of tensors";
        assertThat(
                        pickleRefusal(
                                new PickleBytes().global(module, name).text("x").raw(0x85).op("R")))
                .contains(expected);
        assertThat(pickleRefusal(new PickleBytes().text(module).text(name).raw(0x93)))
                .contains(expected);
    }

    @Test
    void unreadStorageTypesAreRefusedByName() {
        assertThat(pickleRefusal(new PickleBytes().global("torch", "ComplexFloatStorage")))
                .contains("'torch.ComplexFloatStorage'", "expected");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "N                      | expected a dictionary of tensors",
                "]                      | expected a dictionary of tensors",
                "}}                     | 1 values too many",
                "0                      | not there",
                "(0                     | not there",
                "t                      | mark that is not there",
                "}(Nu                   | without a value",
                "}(KaNKaNu              | '97' twice",
                "}(NNu                  | neither a string nor a number",
                "NN\u0086NNa            | not a list",
                "N(NNu                  | not a dictionary",
                "h\u00f5                | object 245",
                "NR                     | not there",
                "NNR                    | not a known function",
                "NQ                     | not ('storage'",
                "N)b                    | sets the state",
                "N)\u0081               | creates objects",
                "(NNo                   | creates objects",
                "I1                     | protocol 0",
                "\u008f                 | a set",
                "\u0082\u0001           | extension",
                "\u00ff                 | unknown opcode (0xff)",
                "\u008a!                | 33 bytes",
                "\u008b\u00ff\u00ff\u00ff\u00ff | 4294967295 bytes",
                "X\u00ff\u00ff\u00ff\u007f      | claims 2147483647 bytes",
                "\u008d\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0080 | claims"
                        + " -9223372036854775808",
                "\u0080\u0000N          | protocol 0, expected 2 to 5",
                "\u0080\u0006N          | protocol 6, expected 2 to 5",
                "ccollections           | truncated",
            })
    void badPicklesAreRefusedWithTheirPlace(String opcodes, String expected) {
        assertThat(pickleRefusal(new PickleBytes().op(opcodes.strip()))).contains(expected);
    }

    @Test
    void aPickleWithoutAnEndIsRefused() {
        byte[] pickle = honestPickle();
        for (int length = 0; length < pickle.length; length++) {
            assertThat(Memory.refusal(zip(Arrays.copyOf(pickle, length)))).contains("data.pkl");
        }
    }

    @Test
    void bytesAfterThePickleAreRefused() {
        byte[] pickle = honestPickle();
        assertThat(Memory.refusal(zip(Arrays.copyOf(pickle, pickle.length + 3))))
                .contains("3 bytes after its end");
    }

    @Test
    void aDictionaryThatContainsItselfIsRefused() {
        PickleBytes pickle = new PickleBytes().op("}q\u0000(").text("a").op("h\u0000u");
        assertThat(pickleRefusal(pickle)).contains("nests deeper");
    }

    @Test
    void listsThatMultiplyAreRefused() {
        PickleBytes pickle = new PickleBytes().op("]q\u0000(NNNNNNNNNNe0");
        for (int level = 1; level < 20; level++) {
            pickle.op("]").raw('q', level).op("(");
            for (int i = 0; i < 10; i++) {
                pickle.raw('h', level - 1);
            }
            pickle.op("e0");
        }
        pickle.op("}(").text("bomb").raw('h', 19).op("u");
        assertThat(pickleRefusal(pickle)).contains("more than 400000 values");
    }

    @Test
    void deepNestingIsRefused() {
        PickleBytes pickle = new PickleBytes().op("}").text("a").op("]".repeat(200_000));
        pickle.op("a".repeat(199_999)).op("s");
        assertThat(pickleRefusal(pickle)).contains("nests deeper");
        assertThat(pickleRefusal(new PickleBytes().op("(".repeat(2_000_000))))
                .contains("objects, or more than");
    }

    @ParameterizedTest
    @CsvSource({
        "2, 0, 3, 1",
        "2, 1, 2, 1",
        "2, 0, 2, 2",
        "2, 2, 1, 1",
        "2, 0, 2, 9223372036854775807",
        "2, 9223372036854775807, 1, 1",
        "2, 0, 9223372036854775807, 1",
        "2, 0, 4611686018427387904, 0",
        "3, 0, 2, 1",
        "1, 0, 1, 1",
        "9223372036854775807, 0, 2, 1",
    })
    void aTensorMayNotLeaveItsStorage(long elements, long offset, long size, long stride) {
        byte[] pickle =
                PickleBytes.ofTensor(elements, offset, new long[] {size}, new long[] {stride});
        assertThat(Memory.refusal(zip(pickle))).isNotEmpty();
    }

    @Test
    void negativeSizesAndStridesAreRefused() {
        assertThat(Memory.refusal(zip(PickleBytes.ofTensor(2, 0, new long[] {-1}, ONE))))
                .contains("none negative");
        assertThat(Memory.refusal(zip(PickleBytes.ofTensor(2, 1, TWO, new long[] {-1}))))
                .contains("none negative");
        assertThat(Memory.refusal(zip(PickleBytes.ofTensor(2, 0, TWO, new long[] {1, 1}))))
                .contains("1 sizes and 2 strides");
        assertThat(Memory.refusal(zip(PickleBytes.ofTensor(2, -1, TWO, ONE))))
                .contains("leaves its storage");
    }

    @Test
    void anExpandedTensorMayNotTakeMuchMoreThanItsFile() {
        byte[] pickle = PickleBytes.ofTensor(2, 0, new long[] {1 << 20, 64}, new long[] {0, 0});
        assertThat(Memory.refusal(zip(pickle))).contains("'w'", "contiguous()");
        Memory.readAll(
                zip(PickleBytes.ofTensor(2, 0, new long[] {1 << 10, 64}, new long[] {0, 0})));
    }

    @Test
    void manyExpandedTensorsAreCountedTogether() {
        PickleBytes pickle = new PickleBytes().op("}(");
        for (int i = 0; i < 70; i++) {
            pickle.text("w" + i)
                    .tensor("FloatStorage", "0", 2, 0, new long[] {1 << 18}, new long[] {0});
        }
        assertThat(pickleRefusal(pickle.op("u"))).contains("'w64'");
    }

    @Test
    void aNameReachedTwiceIsRefused() {
        PickleBytes pickle =
                new PickleBytes()
                        .op("}(")
                        .text("a.b")
                        .tensor("FloatStorage", "0", 2, 0, TWO, ONE)
                        .text("a")
                        .op("}(")
                        .text("b")
                        .tensor("FloatStorage", "0", 2, 0, TWO, ONE)
                        .op("uu");
        assertThat(pickleRefusal(pickle)).contains("two tensors named 'a.b'");
    }

    @Test
    void oneStorageUnderTwoTypesIsRefused() {
        PickleBytes pickle =
                new PickleBytes()
                        .op("}(")
                        .text("a")
                        .tensor("FloatStorage", "0", 2, 0, TWO, ONE)
                        .text("b")
                        .tensor("IntStorage", "0", 2, 0, TWO, ONE)
                        .op("u");
        assertThat(pickleRefusal(pickle)).contains("storage '0'", "elsewhere");
    }

    @Test
    void aMissingOrMisshapenStorageIsRefused() {
        assertThat(Memory.refusal(ZipBytes.torch(honestPickle()).toBytes()))
                .contains("no record 'any name/data/0'");
        assertThat(
                        Memory.refusal(
                                ZipBytes.torch(honestPickle())
                                        .add("any name/data/0", new byte[7])
                                        .toBytes()))
                .contains("has 7 bytes, expected 8");
    }

    @Test
    void bigEndianFilesAreRefused() {
        byte[] big = "big".getBytes(StandardCharsets.US_ASCII);
        byte[] zip = ZipBytes.torch(honestPickle()).add("any name/byteorder", big).toBytes();
        assertThat(Memory.refusal(zip)).contains("'big', expected 'little'");
    }

    @Test
    void aZipOfSomethingElseIsRefused() {
        byte[] zip = new ZipBytes().add("hello.txt", new byte[3]).toBytes();
        assertThat(Memory.refusal(zip)).contains("zip without data.pkl");
        assertThat(Memory.refusal(new ZipBytes().toBytes())).contains("zip without data.pkl");
        byte[] two = ZipBytes.torch(honestPickle()).add("b/data.pkl", honestPickle()).toBytes();
        assertThat(Memory.refusal(two)).contains("two pickles");
    }

    @Test
    void compressedRecordsAreRefused() {
        byte[] zip = ZipBytes.torch(honestPickle()).method(8).toBytes();
        assertThat(Memory.refusal(zip)).contains("'any name/data.pkl' is compressed");
    }

    @Test
    void theSameRecordTwiceIsRefused() {
        byte[] zip =
                ZipBytes.torch(honestPickle()).add("any name/data.pkl", honestPickle()).toBytes();
        assertThat(Memory.refusal(zip)).contains("comes twice");
    }

    @Test
    void recordsThatOverlapAreRefused() {
        byte[] zip = zip(honestPickle());
        int central = find(zip, 0x02014b50, 0);
        String message =
                patched(
                        zip,
                        b -> {
                            // The pickle's record grows over the storage's.
                            int size = b.getInt(central + 20) + 30;
                            b.putInt(18, size)
                                    .putInt(22, size)
                                    .putInt(central + 20, size)
                                    .putInt(central + 24, size);
                        });
        assertThat(message).contains("'any name/data/0'", "overlaps");
    }

    @Test
    void aLocalHeaderThatDisagreesIsRefused() {
        assertThat(patched(zip(honestPickle()), b -> b.put(35, (byte) 'X'))).contains("disagrees");
        assertThat(patched(zip(honestPickle()), b -> b.putInt(22, 5))).contains("disagrees");
        assertThat(patched(zip(honestPickle()), b -> b.putShort(8, (short) 8)))
                .contains("disagrees");
        assertThat(patched(zip(honestPickle()), b -> b.putInt(0, 0x06054b50)))
                .contains("no header");
    }

    @ParameterizedTest
    @ValueSource(ints = {20, 24, 28, 30, 32, 42})
    void aDirectoryEntryThatLiesIsRefused(int field) {
        for (int lie : new int[] {0x7fff, 0xfffe, 0xffff}) {
            byte[] zip = zip(honestPickle());
            int central = find(zip, 0x02014b50, 0);
            assertThat(patched(zip, b -> b.putShort(central + field, (short) lie))).isNotEmpty();
            byte[] high = zip(honestPickle());
            if (field != 28 && field != 30 && field != 32) {
                assertThat(patched(high, b -> b.putInt(central + field, -1))).contains("zip64");
            }
        }
    }

    @Test
    void anEncryptedRecordIsRefused() {
        byte[] zip = zip(honestPickle());
        int central = find(zip, 0x02014b50, 0);
        assertThat(patched(zip, b -> b.putShort(central + 8, (short) 1))).contains("encrypted");
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 8, 10, 12, 16, 20})
    void anEndRecordThatLiesIsRefused(int field) {
        byte[] zip = zip(honestPickle());
        int end = find(zip, 0x06054b50, 0);
        assertThat(patched(zip, b -> b.putShort(end + field, (short) 0x7ff0))).isNotEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 24, 32, 40, 48})
    void aZip64EndRecordThatLiesIsRefused(int field) {
        for (long lie : new long[] {-1, 1L << 40, Long.MIN_VALUE}) {
            byte[] zip =
                    ZipBytes.torch(honestPickle())
                            .add("any name/data/0", new byte[8])
                            .zip64()
                            .toBytes();
            int end = find(zip, 0x06064b50, 0);
            assertThat(patched(zip, b -> b.putLong(end + field, lie))).isNotEmpty();
            int locator = find(zip, 0x07064b50, 0);
            assertThat(patched(zip, b -> b.putLong(locator + 8, lie))).isNotEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"nested.pth", "torture-legacy.pth", "torture-plain-dict-protocol4.pth"})
    void everyTruncationIsRefused(String name) {
        byte[] whole = Goldens.bytes("formats/" + name);
        for (int length = 0; length < whole.length; length++) {
            assertThat(Memory.refusal(Arrays.copyOf(whole, length))).isNotEmpty();
        }
    }

    @Test
    void legacyFilesMayNotLieAboutTheirStorages() {
        byte[] whole = Goldens.bytes("formats/torture-legacy.pth");
        assertThat(patched(whole.clone(), b -> b.putLong(2817, 1L << 50)))
                .contains("elements, expected");
        assertThat(Memory.refusal(Arrays.copyOf(whole, whole.length + 1)))
                .contains("1 bytes after");
        assertThat(patched(whole.clone(), b -> b.put(17, (byte) 'K'))).isNotEmpty();
        assertThat(patched(whole.clone(), b -> b.put(6, (byte) 0)))
                .contains("magic number of torch.save");
        // NEWTRUE for little_endian becomes NEWFALSE.
        assertThat(patched(whole.clone(), b -> b.put(73, (byte) 0x89))).contains("little-endian");
    }
}
