package dev.anser.checkpoint;

import java.util.function.Function;

/// Turns what a pickle holds into a table: tensors under their names, numbers and strings as
/// metadata.
///
/// The names of nested dictionaries and lists are joined with a dot.
final class PickledTensors {
    private static final int MAX_DEPTH = 32;
    private static final int MAX_VALUES = 4 * FileBytes.MAX_TENSORS;
    private static final long MAX_NAME_LENGTH_SUM = 32L << 20;

    private final FileBytes file;
    private final FileCheckpoint.Table table = new FileCheckpoint.Table("pth");
    private final Function<Unpickler.Storage, Long> offsets;
    private int values;
    private long nameLength;

    private PickledTensors(FileBytes file, Function<Unpickler.Storage, Long> offsets) {
        this.file = file;
        this.offsets = offsets;
    }

    /// @param offsets where a storage's bytes begin in the file; it has checked that they lie
    ///   inside
    static FileCheckpoint.Table read(
            FileBytes file, Unpickler.Value root, Function<Unpickler.Storage, Long> offsets) {
        if (!(root instanceof Unpickler.Dictionary)) {
            throw file.error(
                    "holds "
                            + describe(root)
                            + ", expected a dictionary of tensors; save the state_dict");
        }
        PickledTensors tensors = new PickledTensors(file, offsets);
        tensors.add("", root, 0);
        return tensors.table;
    }

    private void add(String name, Unpickler.Value value, int depth) {
        if (depth > MAX_DEPTH) {
            throw file.error(
                    FileBytes.quote(name) + " nests deeper than " + MAX_DEPTH + " dictionaries");
        }
        nameLength += name.length();
        if (++values > MAX_VALUES || nameLength > MAX_NAME_LENGTH_SUM) {
            throw file.error("holds more than " + MAX_VALUES + " values, or names too long");
        }
        if (name.length() > FileBytes.MAX_NAME_BYTES) {
            throw file.error(
                    "the name "
                            + FileBytes.quote(name)
                            + " is longer than "
                            + FileBytes.MAX_NAME_BYTES
                            + " characters");
        }
        switch (value) {
            case Unpickler.Dictionary dictionary ->
                    dictionary.values.forEach((key, item) -> add(join(name, key), item, depth + 1));
            case Unpickler.Sequence sequence -> {
                for (int i = 0; i < sequence.values.size(); i++) {
                    add(join(name, Integer.toString(i)), sequence.values.get(i), depth + 1);
                }
            }
            case Unpickler.TensorView view -> addTensor(name, view);
            case Unpickler.None _ -> describe(name, "null");
            case Unpickler.Bool(boolean flag) -> describe(name, Boolean.toString(flag));
            case Unpickler.Int(long number) -> describe(name, Long.toString(number));
            case Unpickler.BigInt(var number) -> describe(name, number.toString());
            case Unpickler.Real(double number) -> describe(name, Double.toString(number));
            case Unpickler.Text(String text) -> describe(name, text);
            default ->
                    throw file.error(
                            FileBytes.quote(name)
                                    + " is "
                                    + describe(value)
                                    + ", expected a tensor, a number or a string");
        }
    }

    private void addTensor(String name, Unpickler.TensorView view) {
        Unpickler.Storage storage = view.storage();
        table.add(
                file,
                StoredTensor.strided(
                        file,
                        name,
                        storage.dtype(),
                        view.sizes(),
                        view.strides(),
                        offsets.apply(storage),
                        storage.elements(),
                        view.offset()));
    }

    private void describe(String name, String text) {
        if (table.metadata().putIfAbsent(name, text) != null) {
            throw file.error("has two values named " + FileBytes.quote(name));
        }
    }

    private static String join(String name, String key) {
        return name.isEmpty() ? key : name + "." + key;
    }

    private static String describe(Unpickler.Value value) {
        return switch (value) {
            case Unpickler.Dictionary _ -> "a dictionary";
            case Unpickler.Sequence sequence -> sequence.tuple ? "a tuple" : "a list";
            case Unpickler.TensorView _ -> "a single tensor";
            case Unpickler.Binary(int length) -> length + " raw bytes";
            case Unpickler.Storage _ -> "a bare storage";
            case Unpickler.Function _, Unpickler.StorageType _ -> "a function or class";
            default -> "a single value";
        };
    }
}
