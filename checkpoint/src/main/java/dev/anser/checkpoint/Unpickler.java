package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads a Python pickle of tensors, dictionaries, lists, tuples, numbers and strings, and refuses
/// everything else by its name.
///
/// A pickle is a program for a stack machine; in Python it may import and call anything. This
/// machine has no imports: the few names that a checkpoint of tensors needs are known one by one,
/// and calling one of them builds a plain record. Nothing here recurses, and stack, memo, objects
/// and lengths are bounded.
final class Unpickler {
    /// A pickle larger than this is no table of tensors.
    static final long MAX_BYTES = 64L << 20;

    private static final int MAX_OBJECTS = 3_000_000;
    private static final int MAX_STACK = 1_000_000;
    private static final int MAX_STRING_BYTES = FileBytes.MAX_METADATA_BYTES;
    private static final int MAX_INTEGER_BYTES = 32;

    /// What a pickle can hold here.
    sealed interface Value {}

    /// Python's None.
    record None() implements Value {}

    /// True or False.
    record Bool(boolean value) implements Value {}

    /// A whole number that fits 64 bits.
    record Int(long value) implements Value {}

    /// A whole number beyond 64 bits.
    record BigInt(BigInteger value) implements Value {}

    /// A float.
    record Real(double value) implements Value {}

    /// A string.
    record Text(String value) implements Value {}

    /// A bytes object, of which only the length is kept.
    record Binary(int length) implements Value {}

    /// A list (mutable) or a tuple. Compared by identity: it may contain itself.
    static final class Sequence implements Value {
        final List<Value> values;
        final boolean tuple;

        Sequence(List<Value> values, boolean tuple) {
            this.values = values;
            this.tuple = tuple;
        }
    }

    /// A dict or OrderedDict. Compared by identity: it may contain itself.
    static final class Dictionary implements Value {
        final Map<String, Value> values = new LinkedHashMap<>();
    }

    /// Something imported, that may be called.
    enum Function implements Value {
        ORDERED_DICT,
        SIZE,
        REBUILD_TENSOR,
        REBUILD_PARAMETER
    }

    /// The imported class of a storage.
    record StorageType(DType dtype) implements Value {}

    /// A reference to a storage by its key.
    record Storage(DType dtype, String key, long elements) implements Value {}

    /// A tensor over a storage.
    record TensorView(Storage storage, long offset, long[] sizes, long[] strides)
            implements Value {}

    private record Mark() implements Value {}

    private static final None NONE = new None();
    private static final Mark MARK = new Mark();

    private final FileBytes file;
    private final String what;
    private final long end;
    private long position;
    private final List<Value> stack = new ArrayList<>();
    private final List<Integer> marks = new ArrayList<>();
    private final Map<Long, Value> memo = new HashMap<>();
    private final Map<String, Storage> storages = new LinkedHashMap<>();
    private int objects;

    /// @param what the name errors use for this pickle
    Unpickler(FileBytes file, String what, long start, long end) {
        this.file = file;
        this.what = what;
        this.position = start;
        this.end = end;
    }

    /// Where the pickle ended, after [#read()].
    long position() {
        return position;
    }

    /// Every storage that the pickle refers to, by key, after [#read()].
    Map<String, Storage> storages() {
        return storages;
    }

    ModelFormatException error(String problem) {
        return file.error(what + " at offset " + position + ": " + problem);
    }

    /// Runs the pickle and returns what it leaves.
    Value read() {
        int protocol = 0;
        while (true) {
            int opcode = u8();
            switch (opcode) {
                case 0x80 -> {
                    protocol = u8();
                    if (protocol < 2 || protocol > 5) {
                        throw error("is pickle protocol " + protocol + ", expected 2 to 5");
                    }
                }
                case 0x95 -> {
                    long frame = i64();
                    if (frame < 0 || frame > end - position) {
                        throw error("a frame claims " + frame + " bytes, more than there are");
                    }
                }
                case '.' -> {
                    Value result = pop();
                    if (!stack.isEmpty()) {
                        throw error("ends with " + stack.size() + " values too many");
                    }
                    return result;
                }
                default -> run(opcode);
            }
        }
    }

    private void run(int opcode) {
        switch (opcode) {
            case '(' -> {
                marks.add(stack.size());
                push(MARK);
            }
            case '0' -> pop();
            case '1' -> popMarked();
            case '2' -> push(top());
            case 'N' -> push(NONE);
            case 0x88 -> push(new Bool(true));
            case 0x89 -> push(new Bool(false));
            case 'J' -> push(new Int((int) u32()));
            case 'K' -> push(new Int(u8()));
            case 'M' -> push(new Int(u8() | (long) u8() << 8));
            case 0x8a -> push(integer(u8()));
            case 0x8b -> push(integer(u32()));
            case 'G' -> push(new Real(Double.longBitsToDouble(Long.reverseBytes(i64()))));
            case 'X', 'T' -> push(text(u32()));
            case 0x8c, 'U' -> push(text(u8()));
            case 0x8d -> push(text(i64()));
            case 'B' -> push(binary(u32()));
            case 'C' -> push(binary(u8()));
            case 0x8e -> push(binary(i64()));
            case '}' -> push(new Dictionary());
            case 'd' -> {
                Dictionary dictionary = new Dictionary();
                putAll(dictionary, popMarked());
                push(dictionary);
            }
            case 's' -> {
                Value value = pop();
                Value key = pop();
                put(dictionary(top()), key, value);
            }
            case 'u' -> {
                List<Value> pairs = popMarked();
                putAll(dictionary(top()), pairs);
            }
            case ']' -> push(new Sequence(new ArrayList<>(), false));
            case 'l' -> push(new Sequence(popMarked(), false));
            case 'a' -> {
                Value value = pop();
                list(top()).add(value);
            }
            case 'e' -> {
                List<Value> values = popMarked();
                list(top()).addAll(values);
            }
            case ')' -> push(new Sequence(List.of(), true));
            case 't' -> push(new Sequence(popMarked(), true));
            case 0x85 -> push(new Sequence(popLast(1), true));
            case 0x86 -> push(new Sequence(popLast(2), true));
            case 0x87 -> push(new Sequence(popLast(3), true));
            case 'c' -> push(global(line(), line()));
            case 0x93 -> {
                Value name = pop();
                Value module = pop();
                if (!(module instanceof Text(String from) && name instanceof Text(String what))) {
                    throw error("imports something whose name is not a string");
                }
                push(global(from, what));
            }
            case 'R' -> {
                Value arguments = pop();
                push(call(pop(), arguments));
            }
            case 'b' -> {
                Value state = pop();
                build(top(), state);
            }
            case 'Q' -> push(storage(pop()));
            case 'q' -> memoise(u8());
            case 'r' -> memoise(u32());
            case 0x94 -> memoise(memo.size());
            case 'h' -> push(recall(u8()));
            case 'j' -> push(recall(u32()));
            default ->
                    throw error(
                            "has " + opcodeName(opcode) + ", which no checkpoint of tensors needs");
        }
    }

    private Value global(String module, String name) {
        String full = module + "." + name;
        return switch (full) {
            case "collections.OrderedDict" -> Function.ORDERED_DICT;
            case "torch.Size" -> Function.SIZE;
            case "torch._utils._rebuild_tensor_v2" -> Function.REBUILD_TENSOR;
            case "torch._utils._rebuild_parameter" -> Function.REBUILD_PARAMETER;
            case "torch.DoubleStorage", "torch.cuda.DoubleStorage" -> new StorageType(DType.F64);
            case "torch.FloatStorage", "torch.cuda.FloatStorage" -> new StorageType(DType.F32);
            case "torch.HalfStorage", "torch.cuda.HalfStorage" -> new StorageType(DType.F16);
            case "torch.BFloat16Storage", "torch.cuda.BFloat16Storage" ->
                    new StorageType(DType.BF16);
            case "torch.LongStorage", "torch.cuda.LongStorage" -> new StorageType(DType.I64);
            case "torch.IntStorage", "torch.cuda.IntStorage" -> new StorageType(DType.I32);
            case "torch.ShortStorage", "torch.cuda.ShortStorage" -> new StorageType(DType.I16);
            case "torch.CharStorage", "torch.cuda.CharStorage" -> new StorageType(DType.I8);
            case "torch.ByteStorage", "torch.cuda.ByteStorage" -> new StorageType(DType.U8);
            case "torch.BoolStorage", "torch.cuda.BoolStorage" -> new StorageType(DType.BOOL);
            default -> {
                if (module.startsWith("torch") && name.endsWith("Storage")) {
                    throw error(
                            "stores "
                                    + FileBytes.quote(full)
                                    + ", a type that is not read; expected the storage of float64,"
                                    + " float32, float16, bfloat16, int64, int32, int16, int8,"
                                    + " uint8 or bool");
                }
                throw error(
                        "imports "
                                + FileBytes.quote(full)
                                + ", which a checkpoint of tensors never needs; save only the"
                                + " state_dict");
            }
        };
    }

    private Value call(Value function, Value arguments) {
        if (!(function instanceof Function known)
                || !(arguments instanceof Sequence sequence)
                || !sequence.tuple) {
            throw error("calls something that is not a known function with a tuple");
        }
        List<Value> values = sequence.values;
        return switch (known) {
            case ORDERED_DICT -> {
                if (!values.isEmpty()) {
                    throw error("calls OrderedDict with arguments, expected none");
                }
                yield new Dictionary();
            }
            case SIZE -> {
                if (values.size() != 1 || !(values.getFirst() instanceof Sequence sizes)) {
                    throw error("calls torch.Size with anything but one tuple");
                }
                yield sizes;
            }
            case REBUILD_TENSOR -> rebuildTensor(values);
            case REBUILD_PARAMETER -> {
                if (values.size() != 3 || !(values.getFirst() instanceof TensorView tensor)) {
                    throw error("rebuilds a parameter from anything but one tensor");
                }
                yield tensor;
            }
        };
    }

    private TensorView rebuildTensor(List<Value> values) {
        if (values.size() < 6
                || values.size() > 7
                || !(values.get(0) instanceof Storage storage)
                || !(values.get(1) instanceof Int(long offset))
                || !(values.get(4) instanceof Bool)) {
            throw error(
                    "rebuilds a tensor from anything but storage, offset, size, stride,"
                            + " requires_grad and hooks");
        }
        for (Value extra : values.subList(5, values.size())) {
            boolean empty =
                    extra instanceof None
                            || (extra instanceof Dictionary hooks && hooks.values.isEmpty());
            if (!empty) {
                throw error(
                        "a tensor has hooks, or is lazily conjugated or negated; save it after"
                                + " clone()");
            }
        }
        return new TensorView(
                storage,
                offset,
                numbers(values.get(2), "the size"),
                numbers(values.get(3), "the strides"));
    }

    private long[] numbers(Value value, String name) {
        if (!(value instanceof Sequence sequence)
                || sequence.values.size() > StoredTensor.MAX_RANK) {
            throw error(
                    name
                            + " of a tensor must be a tuple of at most "
                            + StoredTensor.MAX_RANK
                            + " numbers");
        }
        long[] numbers = new long[sequence.values.size()];
        for (int i = 0; i < numbers.length; i++) {
            if (!(sequence.values.get(i) instanceof Int(long number)) || number < 0) {
                throw error(name + " of a tensor must be whole numbers, none negative");
            }
            numbers[i] = number;
        }
        return numbers;
    }

    private Storage storage(Value id) {
        if (!(id instanceof Sequence sequence)
                || sequence.values.size() < 5
                || sequence.values.size() > 6
                || !(sequence.values.get(0) instanceof Text(String kind))
                || !kind.equals("storage")
                || !(sequence.values.get(1) instanceof StorageType(DType dtype))
                || !(sequence.values.get(2) instanceof Text(String key))
                || !(sequence.values.get(3) instanceof Text)
                || !(sequence.values.get(4) instanceof Int(long elements))
                || elements < 0) {
            throw error("refers to something that is not ('storage', type, key, location, size)");
        }
        if (sequence.values.size() == 6 && !(sequence.values.get(5) instanceof None)) {
            throw error("storage " + FileBytes.quote(key) + " is a view of another, not read");
        }
        if (elements > Long.MAX_VALUE / 8) {
            throw error("storage " + FileBytes.quote(key) + " claims " + elements + " elements");
        }
        Storage storage = new Storage(dtype, key, elements);
        Storage known = storages.putIfAbsent(key, storage);
        if (known != null && !known.equals(storage)) {
            throw error(
                    "storage "
                            + FileBytes.quote(key)
                            + " is "
                            + elements
                            + " of "
                            + dtype
                            + " here and "
                            + known.elements()
                            + " of "
                            + known.dtype()
                            + " elsewhere");
        }
        return storage;
    }

    private void build(Value target, Value state) {
        // PyTorch hangs each module's version, `_metadata`, on the state_dict's OrderedDict.
        if (!(target instanceof Dictionary) || !(state instanceof Dictionary)) {
            throw error(
                    "sets the state of something other than a dictionary, which a checkpoint of"
                            + " tensors never needs");
        }
    }

    private Dictionary dictionary(Value value) {
        if (value instanceof Dictionary dictionary) {
            return dictionary;
        }
        throw error("sets an item of something that is not a dictionary");
    }

    private List<Value> list(Value value) {
        if (value instanceof Sequence sequence && !sequence.tuple) {
            return sequence.values;
        }
        throw error("appends to something that is not a list");
    }

    private void putAll(Dictionary dictionary, List<Value> pairs) {
        if (pairs.size() % 2 != 0) {
            throw error("sets a key without a value");
        }
        for (int i = 0; i < pairs.size(); i += 2) {
            put(dictionary, pairs.get(i), pairs.get(i + 1));
        }
    }

    private void put(Dictionary dictionary, Value key, Value value) {
        String name =
                switch (key) {
                    case Text(String text) -> text;
                    case Int(long number) -> Long.toString(number);
                    default -> throw error("has a key that is neither a string nor a number");
                };
        if (dictionary.values.putIfAbsent(name, value) != null) {
            throw error("has the key " + FileBytes.quote(name) + " twice");
        }
    }

    private void push(Value value) {
        if (stack.size() >= MAX_STACK || ++objects > MAX_OBJECTS) {
            throw error(
                    "builds more than "
                            + MAX_OBJECTS
                            + " objects, or more than "
                            + MAX_STACK
                            + " at once");
        }
        stack.add(value);
    }

    private Value top() {
        if (stack.isEmpty() || stack.getLast() == MARK) {
            throw error("takes a value that is not there; the file is damaged");
        }
        return stack.getLast();
    }

    private Value pop() {
        top();
        return stack.removeLast();
    }

    private List<Value> popMarked() {
        if (marks.isEmpty()) {
            throw error("takes values up to a mark that is not there; the file is damaged");
        }
        int mark = marks.removeLast();
        List<Value> tail = stack.subList(mark, stack.size());
        List<Value> values = new ArrayList<>(tail.subList(1, tail.size()));
        tail.clear();
        return values;
    }

    private List<Value> popLast(int count) {
        Value[] values = new Value[count];
        for (int i = count - 1; i >= 0; i--) {
            values[i] = pop();
        }
        return Arrays.asList(values);
    }

    private void memoise(long index) {
        if (memo.size() >= MAX_OBJECTS) {
            throw error("remembers more than " + MAX_OBJECTS + " objects");
        }
        memo.put(index, top());
    }

    private Value recall(long index) {
        @Nullable Value value = memo.get(index);
        if (value == null) {
            throw error("recalls object " + index + ", which it never remembered");
        }
        return value;
    }

    private Value integer(long length) {
        if (length > MAX_INTEGER_BYTES) {
            throw error(
                    "has a number of "
                            + length
                            + " bytes, at most "
                            + MAX_INTEGER_BYTES
                            + " are read");
        }
        if (length == 0) {
            return new Int(0);
        }
        byte[] bytes = take((int) length);
        for (int i = 0, j = bytes.length - 1; i < j; i++, j--) {
            byte swapped = bytes[i];
            bytes[i] = bytes[j];
            bytes[j] = swapped;
        }
        BigInteger value = new BigInteger(bytes);
        return value.bitLength() < 64 ? new Int(value.longValue()) : new BigInt(value);
    }

    private Text text(long length) {
        return new Text(file.utf8(take(checkLength(length)), what + " at offset " + position));
    }

    private Binary binary(long length) {
        int checked = checkLength(length);
        position += checked;
        return new Binary(checked);
    }

    private int checkLength(long length) {
        if (length < 0 || length > MAX_STRING_BYTES || length > end - position) {
            throw error(
                    "a string claims "
                            + length
                            + " bytes, of "
                            + (end - position)
                            + " left (at most "
                            + MAX_STRING_BYTES
                            + " are read)");
        }
        return (int) length;
    }

    private byte[] take(int length) {
        room(length);
        byte[] bytes = file.bytes(position, length, what);
        position += length;
        return bytes;
    }

    private String line() {
        long start = position;
        while (u8() != '\n') {
            if (position - start > 256) {
                throw error("imports a name of more than 256 bytes");
            }
        }
        return file.utf8(start, (int) (position - start - 1), what);
    }

    private int u8() {
        room(1);
        return file.u8(position++, what);
    }

    private long u32() {
        room(4);
        position += 4;
        return file.u32(position - 4, what);
    }

    private long i64() {
        room(8);
        position += 8;
        return file.i64(position - 8, what);
    }

    private void room(int bytes) {
        if (bytes > end - position) {
            throw error("ends in the middle; the file is truncated or damaged");
        }
    }

    private static String opcodeName(int opcode) {
        String name =
                switch (opcode) {
                    case 'I', 'L', 'F', 'S', 'V', 'P', 'g', 'p' -> "a text opcode of protocol 0";
                    case 'i', 'o', 0x81, 0x92 -> "an opcode that creates objects";
                    case 0x82, 0x83, 0x84 -> "an extension opcode";
                    case 0x8f, 0x90, 0x91 -> "a set";
                    case 0x96, 0x97, 0x98 -> "a byte buffer";
                    default -> "an unknown opcode";
                };
        return String.format("%s (0x%02x)", name, opcode);
    }
}
