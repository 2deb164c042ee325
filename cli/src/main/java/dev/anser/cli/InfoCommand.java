package dev.anser.cli;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.model.Architectures;
import dev.anser.model.ModelConfig;
import dev.anser.model.StateLayout;
import dev.anser.tensor.DType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `anser info`: what a model file is, from its table of tensors alone.
@Command(
        name = "info",
        description = "Tells what a model file is, without reading its weights.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser info model.pth"})
final class InfoCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            paramLabel = "MODEL",
            converter = ModelPath.class,
            description = "A model file or folder of any format, or what was pulled.")
    private Path model;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    InfoCommand(Console console) {
        this.console = console;
    }

    /// How many weights a file stores in one type.
    private record Stored(int tensors, long elements, long bytes) {
        Stored plus(Checkpoint.Entry entry) {
            long count = entry.shape().elements();
            return new Stored(tensors + 1, elements + count, bytes + entry.dtype().bytes(count));
        }
    }

    @Override
    public Integer call() {
        Checkpoint checkpoint = Checkpoints.open(model);
        try (checkpoint;
                Checkpoint official = Architectures.official(checkpoint)) {
            ModelConfig config = Architectures.describe(official);
            StateLayout state = Architectures.stateLayout(official);
            Map<DType, Stored> types = new TreeMap<>();
            for (String name : checkpoint.names()) {
                Checkpoint.Entry entry = checkpoint.entry(name);
                types.merge(
                        entry.dtype(),
                        new Stored(0, 0, 0).plus(entry),
                        (stored, _) -> stored.plus(entry));
            }
            long parameters = types.values().stream().mapToLong(Stored::elements).sum();
            long fileBytes = model.toFile().length();
            if (json) {
                printJson(checkpoint, config, types, parameters, state, fileBytes);
            } else {
                printTable(checkpoint, config, types, parameters, state, fileBytes);
            }
        }
        return 0;
    }

    private void printJson(
            Checkpoint checkpoint,
            ModelConfig config,
            Map<DType, Stored> types,
            long parameters,
            StateLayout state,
            long fileBytes) {
        Json.print(
                console,
                out -> {
                    out.writeStringProperty("architecture", config.architecture());
                    out.writeStringProperty("version", config.version());
                    out.writeNumberProperty("layers", config.layers());
                    out.writeNumberProperty("width", config.width());
                    out.writeNumberProperty("heads", config.heads());
                    out.writeNumberProperty("headSize", config.headSize());
                    out.writeNumberProperty("feedForward", config.feedForward());
                    out.writeNumberProperty("vocabulary", config.vocabulary());
                    out.writeNumberProperty("parameters", parameters);
                    out.writeObjectPropertyStart("dtypes");
                    types.forEach((type, stored) -> {
                        out.writeObjectPropertyStart(type.name());
                        out.writeNumberProperty("tensors", stored.tensors());
                        out.writeNumberProperty("elements", stored.elements());
                        out.writeNumberProperty("bytes", stored.bytes());
                        out.writeEndObject();
                    });
                    out.writeEndObject();
                    out.writeNumberProperty("stateBytes", state.bytes());
                    out.writeNumberProperty("stateBytesPerToken", state.bytesPerToken());
                    out.writeStringProperty("format", checkpoint.format());
                    out.writeNumberProperty("fileBytes", fileBytes);
                });
    }

    private void printTable(
            Checkpoint checkpoint,
            ModelConfig config,
            Map<DType, Stored> types,
            long parameters,
            StateLayout state,
            long fileBytes) {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("file", model + " (" + checkpoint.format() + ", " + Units.bytes(fileBytes) + ")");
        rows.put("architecture", config.architecture() + " (version " + config.version() + ")");
        rows.put("layers", Integer.toString(config.layers()));
        rows.put("width", Integer.toString(config.width()));
        rows.put("heads", config.heads() + " of " + config.headSize());
        rows.put("feed-forward", Integer.toString(config.feedForward()));
        rows.put("vocabulary", Integer.toString(config.vocabulary()));
        rows.put("parameters", Units.count(parameters));
        types.forEach((type, stored) ->
                rows.put(
                        "  " + type.name().toLowerCase(Locale.ROOT),
                        stored.tensors()
                                + " tensors, "
                                + Units.count(stored.elements())
                                + " weights, "
                                + Units.bytes(stored.bytes())));
        rows.put("state", state(state));
        Table.print(console, rows);
    }

    private static String state(StateLayout state) {
        return state.bytesPerToken() == 0
                ? Units.bytes(state.bytes()) + " for each sequence, however long"
                : Units.bytes(state.bytesPerToken()) + " for each token of each sequence";
    }
}
