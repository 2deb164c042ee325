package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/// Writes the pickle of a state dict: an `OrderedDict` of tensors, protocol 2, with the few opcodes
/// that PyTorch's restricted unpickler knows.
///
/// Each tensor has a storage of its own, whose key is its place in the order: `0`, `1`, and so on.
final class Pickler {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private int tensors;

    Pickler() {
        op(0x80).op(2);
        global("collections", "OrderedDict").op(')').op('R').op('(');
    }

    /// Adds a row-major tensor.
    void add(Checkpoint.Entry entry) {
        long[] sizes = entry.shape().sizes();
        text(entry.name());
        global("torch._utils", "_rebuild_tensor_v2").op('(');
        op('(').text("storage").global("torch", storage(entry.dtype()));
        text(Integer.toString(tensors++)).text("cpu");
        number(entry.shape().elements()).op('t').op('Q');
        number(0);
        numbers(sizes);
        numbers(StoredTensor.packed(sizes));
        op(0x89);
        global("collections", "OrderedDict").op(')').op('R').op('t').op('R');
    }

    /// Ends the pickle and returns it.
    byte[] end() {
        return op('u').op('.').out.toByteArray();
    }

    /// The class of PyTorch that stores a type; empty when it has none.
    static String storage(DType dtype) {
        return switch (dtype) {
            case F64 -> "DoubleStorage";
            case F32 -> "FloatStorage";
            case F16 -> "HalfStorage";
            case BF16 -> "BFloat16Storage";
            case I64 -> "LongStorage";
            case I32 -> "IntStorage";
            case I16 -> "ShortStorage";
            case I8 -> "CharStorage";
            case U8 -> "ByteStorage";
            case BOOL -> "BoolStorage";
            default -> "";
        };
    }

    private void numbers(long[] values) {
        op('(');
        for (long value : values) {
            number(value);
        }
        op('t');
    }

    private Pickler number(long value) {
        if (value >= 0 && value < 1 << 8) {
            return op('K').little(value, 1);
        }
        return value == (int) value ? op('J').little(value, 4) : op(0x8a).op(8).little(value, 8);
    }

    private Pickler text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        op('X').little(utf8.length, 4);
        out.writeBytes(utf8);
        return this;
    }

    private Pickler global(String module, String name) {
        out.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
        return this;
    }

    private Pickler little(long value, int width) {
        for (int i = 0; i < width; i++) {
            op((int) (value >>> 8 * i));
        }
        return this;
    }

    private Pickler op(int b) {
        out.write(b);
        return this;
    }
}
