package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// Collects the typed metadata of a GGUF file to write, in the order that it is given.
///
/// ```java
/// GgufMetadata metadata =
///         new GgufMetadata()
///                 .text("general.architecture", "rwkv7")
///                 .u32("rwkv7.block_count", 24)
///                 .f32("rwkv7.attention.layer_norm_epsilon", 1e-5)
///                 .texts("tokenizer.ggml.tokens", tokens)
///                 .i32s("tokenizer.ggml.token_type", types);
/// ```
///
/// Every name may come once; a text that is not good UTF-8 is an [AnserException].
public final class GgufMetadata {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final Set<String> names = new HashSet<>();

    /// Metadata without values.
    public GgufMetadata() {}

    /// Adds a text.
    public GgufMetadata text(String name, String text) {
        start(name, GgufType.TEXT);
        putText(name, text);
        return this;
    }

    /// Adds an unsigned number of 32 bits, what sizes and counts are.
    public GgufMetadata u32(String name, long value) {
        if (value < 0 || value >>> 32 != 0) {
            throw error(name, value + " does not fit 32 bits without a sign");
        }
        start(name, GgufType.U32);
        put(value, 4);
        return this;
    }

    /// Adds a signed number of 32 bits.
    public GgufMetadata i32(String name, int value) {
        start(name, GgufType.I32);
        put(value, 4);
        return this;
    }

    /// Adds a signed number of 64 bits.
    public GgufMetadata i64(String name, long value) {
        start(name, GgufType.I64);
        put(value, 8);
        return this;
    }

    /// Adds a number, rounded to binary32 as the format's readers expect.
    public GgufMetadata f32(String name, double value) {
        start(name, GgufType.F32);
        put(Float.floatToRawIntBits((float) value), 4);
        return this;
    }

    /// Adds a truth value.
    public GgufMetadata bool(String name, boolean value) {
        start(name, GgufType.BOOL);
        put(value ? 1 : 0, 1);
        return this;
    }

    /// Adds an array of texts.
    public GgufMetadata texts(String name, List<String> texts) {
        startArray(name, GgufType.TEXT, texts.size());
        texts.forEach(text -> putText(name, text));
        return this;
    }

    /// Adds an array of signed numbers of 32 bits.
    public GgufMetadata i32s(String name, int... values) {
        startArray(name, GgufType.I32, values.length);
        for (int value : values) {
            put(value, 4);
        }
        return this;
    }

    /// Adds an array of numbers, as binary32.
    public GgufMetadata f32s(String name, float... values) {
        startArray(name, GgufType.F32, values.length);
        for (float value : values) {
            put(Float.floatToRawIntBits(value), 4);
        }
        return this;
    }

    /// Adds all of a file's [Checkpoint#values()], but for the alignment, which the writer sets.
    ///
    /// Types are those that converters use: whole numbers are U32 where they fit, else I32 or I64;
    /// other numbers F32; whole numbers in lists I32 where all fit, else I64. An empty list is one
    /// of texts: llama.cpp reads a tokenizer's merges as such, and it may have none.
    public GgufMetadata values(Map<String, Object> values) {
        values.forEach((name, value) -> {
            if (!name.equals(GgufTable.ALIGNMENT)) {
                value(name, value);
            }
        });
        return this;
    }

    private void value(String name, Object value) {
        switch (value) {
            case String text -> text(name, text);
            case Boolean flag -> bool(name, flag);
            case Double number -> f32(name, number);
            case Long number when number >= 0 && number >>> 32 == 0 -> u32(name, number);
            case Long number when number == number.intValue() -> i32(name, number.intValue());
            case Long number -> i64(name, number);
            case List<?> list -> list(name, list);
            default -> throw error(name, "a " + value.getClass().getSimpleName() + " has no type");
        }
    }

    private void list(String name, List<?> list) {
        GgufType type = list.isEmpty() ? GgufType.TEXT : itemType(name, list);
        startArray(name, type, list.size());
        for (Object item : list) {
            switch (item) {
                case String text when type == GgufType.TEXT -> putText(name, text);
                case Boolean flag when type == GgufType.BOOL -> put(flag ? 1 : 0, 1);
                case Double number when type == GgufType.F32 ->
                        put(Float.floatToRawIntBits(number.floatValue()), 4);
                case Long number when type == GgufType.I32 || type == GgufType.I64 ->
                        put(number, type.bytes());
                default -> throw error(name, "a list of values of several kinds has no type");
            }
        }
    }

    private static GgufType itemType(String name, List<?> list) {
        return switch (list.getFirst()) {
            case String _ -> GgufType.TEXT;
            case Boolean _ -> GgufType.BOOL;
            case Double _ -> GgufType.F32;
            case Long _ ->
                    list.stream().allMatch(i -> i instanceof Long n && n == n.intValue())
                            ? GgufType.I32
                            : GgufType.I64;
            default -> throw error(name, "a list of such values has no type");
        };
    }

    int size() {
        return names.size();
    }

    byte[] toBytes() {
        return bytes.toByteArray();
    }

    private void start(String name, GgufType type) {
        if (name.equals(GgufTable.ALIGNMENT)) {
            throw error(name, "the writer sets it; leave it out");
        }
        byte[] utf8 = utf8(name, name);
        if (utf8.length == 0 || utf8.length > FileBytes.MAX_NAME_BYTES) {
            throw error(name, "a name has 1 to " + FileBytes.MAX_NAME_BYTES + " bytes");
        }
        if (!names.add(name)) {
            throw error(name, "the name comes twice");
        }
        put(utf8.length, 8);
        bytes.writeBytes(utf8);
        put(type.number(), 4);
    }

    private void startArray(String name, GgufType type, int size) {
        start(name, GgufType.ARRAY);
        put(type.number(), 4);
        put(size, 8);
    }

    private void putText(String name, String text) {
        byte[] utf8 = utf8(name, text);
        if (utf8.length > FileBytes.MAX_METADATA_BYTES) {
            throw error(
                    name,
                    "the text "
                            + FileBytes.quote(text)
                            + " has more than "
                            + FileBytes.MAX_METADATA_BYTES
                            + " bytes");
        }
        put(utf8.length, 8);
        bytes.writeBytes(utf8);
    }

    private void put(long value, int width) {
        for (int i = 0; i < width; i++) {
            bytes.write((byte) (value >>> 8 * i));
        }
    }

    private static byte[] utf8(String name, String text) {
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw error(name, "the text " + FileBytes.quote(text) + " has half a surrogate pair");
        }
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static AnserException error(String name, String why) {
        return new AnserException(
                "GGUF metadata " + FileBytes.quote(name) + " cannot be written: " + why);
    }
}
