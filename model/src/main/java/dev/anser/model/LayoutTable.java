package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The names and forms of a layout beside the official ones, as a table that is read in both
/// directions.
///
/// In names, `#` stands for the number of the layer.
public final class LayoutTable {
    private static final Pattern NUMBER = Pattern.compile("\\.(\\d{1,6})\\.");

    /// One line: several official tensors may be one stored one, stacked along a new first axis.
    private record Line(List<String> official, String stored, Form toOfficial, Form toStored) {}

    private final Map<String, Line> byStored = new HashMap<>();
    private final Map<String, Line> byOfficial = new HashMap<>();
    private final Set<String> dropped = new HashSet<>();

    /// An empty table.
    public LayoutTable() {}

    /// The names of `checkpoint`, each once for all layers.
    public static Set<String> patterns(Checkpoint checkpoint) {
        return checkpoint.names().stream()
                .map(name -> Place.of(name).pattern())
                .collect(Collectors.toSet());
    }

    /// A tensor that is the same but for its name.
    public LayoutTable same(String official, String stored) {
        return line(official, stored, Form.SAME, Form.SAME);
    }

    /// Weight and bias of a normalisation.
    public LayoutTable norm(String official, String stored) {
        return same(official + ".weight", stored + ".weight")
                .same(official + ".bias", stored + ".bias");
    }

    /// A tensor whose last two axes are swapped.
    public LayoutTable transposed(String official, String stored) {
        return line(official, stored, Form.TRANSPOSED, Form.TRANSPOSED);
    }

    /// A vector that official files have as (1, 1, C).
    public LayoutTable channels(String official, String stored) {
        return line(official, stored, Form.CHANNELS, Form.VECTOR);
    }

    /// Any other line.
    public LayoutTable line(String official, String stored, Form toOfficial, Form toStored) {
        return add(new Line(List.of(official), stored, toOfficial, toStored));
    }

    /// Official vectors (1, 1, C) that are one stored tensor, in this order: (n, `between`…, C).
    public LayoutTable stacked(List<String> official, String stored, long... between) {
        long[] sizes = new long[between.length + 2];
        sizes[0] = official.size();
        System.arraycopy(between, 0, sizes, 1, between.length);
        return add(new Line(official, stored, Form.CHANNELS, Form.shaped(sizes)));
    }

    /// An official tensor without effect that this layout has no place for.
    public LayoutTable without(String official) {
        dropped.add(official);
        return this;
    }

    private LayoutTable add(Line line) {
        byStored.put(line.stored(), line);
        line.official().forEach(name -> byOfficial.put(name, line));
        return this;
    }

    /// A name of the table, and the layer it was found in ("" for none).
    private record Place(String pattern, String layer) {
        static Place of(String name) {
            Matcher number = NUMBER.matcher(name);
            return number.find()
                    ? new Place(number.replaceFirst(".#."), number.group(1))
                    : new Place(name, "");
        }

        String fill(String pattern) {
            return pattern.replace("#", layer);
        }
    }

    /// A line with this very name, or else one for every layer.
    private static @Nullable Line find(Map<String, Line> lines, String name, Place place) {
        Line line = lines.get(name);
        return line == null ? lines.get(place.pattern()) : line;
    }

    /// The tensors of `file` under their official names; `skipped` are left out.
    CheckpointView.Builder official(Checkpoint file, Set<String> skipped) {
        CheckpointView.Builder view = CheckpointView.of(file);
        for (String name : file.names()) {
            if (skipped.contains(name)) {
                continue;
            }
            Place place = Place.of(name);
            Line line = find(byStored, name, place);
            if (line == null) {
                throw noPlace(file, name);
            }
            Checkpoint.Entry entry = file.entry(name);
            requireWeights(file, entry, line.toOfficial());
            int parts = line.official().size();
            if (parts > 1 && (entry.shape().rank() < 2 || entry.shape().size(0) != parts)) {
                throw new ModelFormatException(
                        file.source()
                                + ": tensor "
                                + name
                                + " is "
                                + entry.shape()
                                + "; expected "
                                + parts
                                + " vectors");
            }
            for (int i = 0; i < parts; i++) {
                int part = i;
                Form form = line.toOfficial();
                Shape shape =
                        parts == 1 ? entry.shape() : Shape.of(entry.shape().elements() / parts);
                view.add(
                        new Checkpoint.Entry(
                                place.fill(line.official().get(i)),
                                form.type(entry.dtype()),
                                form.shape().of(shape)),
                        (from, arena) -> {
                            Tensor tensor = from.tensor(name);
                            return form.apply(parts == 1 ? tensor : tensor.part(part), arena);
                        });
            }
        }
        return view;
    }

    /// The tensors of `official` as this layout has them.
    CheckpointView.Builder stored(Checkpoint official) {
        CheckpointView.Builder view = CheckpointView.of(official);
        Set<String> done = new LinkedHashSet<>();
        for (String name : official.names()) {
            Place place = Place.of(name);
            if (dropped.contains(place.pattern()) || dropped.contains(name)) {
                continue;
            }
            Line line = find(byOfficial, name, place);
            if (line == null) {
                continue;
            }
            String stored = place.fill(line.stored());
            if (!done.add(stored)) {
                continue;
            }
            List<String> parts = line.official().stream().map(place::fill).toList();
            Checkpoint.Entry entry = official.entry(name);
            Form form = line.toStored();
            requireWeights(official, entry, form);
            Shape all =
                    parts.size() == 1
                            ? entry.shape()
                            : Shape.of(parts.size() * entry.shape().elements());
            DType type = form.type(entry.dtype());
            view.add(
                    new Checkpoint.Entry(stored, type, form.shape().of(all)),
                    (from, arena) ->
                            form.apply(
                                    parts.size() == 1
                                            ? from.tensor(name)
                                            : stack(from, parts, type, arena),
                                    arena));
        }
        return view;
    }

    /// The tensors of `official` that have an effect and no place here.
    List<String> lost(Checkpoint official) {
        return official.names().stream()
                .filter(name -> {
                    Place place = Place.of(name);
                    return !dropped.contains(name)
                            && !dropped.contains(place.pattern())
                            && find(byOfficial, name, place) == null;
                })
                .toList();
    }

    private static Tensor stack(Checkpoint from, List<String> names, DType type, Arena arena) {
        Tensor[] parts = names.stream().map(from::tensor).toArray(Tensor[]::new);
        long size = parts[0].elements();
        Tensor all = Tensor.allocate(arena, type, parts.length * size);
        for (int p = 0; p < parts.length; p++) {
            if (parts[p].elements() != size) {
                throw new ModelFormatException(
                        from.source()
                                + ": tensors "
                                + names.getFirst()
                                + " and "
                                + names.get(p)
                                + " have "
                                + size
                                + " and "
                                + parts[p].elements()
                                + " numbers; expected as many");
            }
            for (long i = 0; i < size; i++) {
                all.set(p * size + i, parts[p].get(i));
            }
        }
        return all;
    }

    private static void requireWeights(Checkpoint from, Checkpoint.Entry entry, Form form) {
        if (form.movesNumbers() && !entry.dtype().computable()) {
            throw new ModelFormatException(
                    from.source()
                            + ": tensor "
                            + entry.name()
                            + " is "
                            + entry.dtype()
                            + " "
                            + entry.shape()
                            + "; expected F32, F16 or BF16, or a quantised type");
        }
    }

    private static ModelFormatException noPlace(Checkpoint checkpoint, String name) {
        return new ModelFormatException(
                checkpoint.source()
                        + ": tensor "
                        + name
                        + " "
                        + checkpoint.entry(name).shape()
                        + " has no place in this layout of the model; "
                        + "the file is of another kind, or has parts that are not known here");
    }
}
