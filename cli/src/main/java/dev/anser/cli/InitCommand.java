package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ConfigurationFile;
import dev.anser.checkpoint.ModelFolder;
import dev.anser.checkpoint.Safetensors;
import dev.anser.model.Architectures;
import dev.anser.model.InitialWeight;
import dev.anser.model.InitialWeights;
import dev.anser.model.ModelFormat;
import dev.anser.model.NamedSizes;
import dev.anser.model.NewModel;
import dev.anser.model.RwkvInitial;
import dev.anser.model.SizeException;
import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import dev.anser.tensor.Threads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Function;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser init`: a new model with random weights.
@Command(
        name = "init",
        description = {
            "Writes a new model: an RWKV at the sizes of an official one, or any family at sizes of"
                    + " your own.",
            "",
            "Its weights are those that the training code of the family begins with: in RWKV"
                    + " orthogonal matrices, and zeros where a block writes to the residual stream;"
                    + " in the others random numbers. With --random all matrices are random numbers:"
                    + " so every weight has an effect, and the model serves for benchmarks and tests."
                    + " The same seed gives the same file."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Examples:",
            "  anser init 0.1b new.safetensors --seed 1",
            "  anser init 0.4b random.safetensors --seed 1 --random",
            "  anser init llama new-llama --size layers=12,width=768,keyHeads=4,vocabulary=65536"
        })
final class InitCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            index = "0",
            paramLabel = "PRESET",
            description =
                    "RWKV-7 with the World vocabulary of 65536: 0.1b (12 layers of 768 channels), 0.4b (24"
                            + " of 1024), 1.5b (24 of 2048), 2.9b (32 of 2560), 7.2b (32 of 4096),"
                            + " 13.3b (61 of 4096). Earlier versions: rwkv4-0.1b, -0.4b, -1.5b,"
                            + " -3b, -7b, -14b (40 of 5120); rwkv5-0.4b, -1.5b, -3b, -7b;"
                            + " rwkv6-1.6b, -3b, -7b, -14b. Or a family, with --size: rwkv4,"
                            + " rwkv5, rwkv6, rwkv7, retnet, llama or gptneox.")
    private String preset;

    @Parameters(
            index = "1",
            paramLabel = "OUT",
            description =
                    "The .safetensors file to write. RetNet, LLaMA and GPT-NeoX get a config.json"
                            + " beside it; without an ending OUT is a new folder with both.")
    private Path out;

    @Option(
            names = "--size",
            paramLabel = "NAME=N",
            split = ",",
            description =
                    "The sizes of a family's new model: layers, width, vocabulary, and where the"
                            + " family has it headSize (64), feedForward, keyHeads (llama), valueSize"
                            + " (retnet), mixRank (rwkv6), decayRank (rwkv6, rwkv7), rateRank,"
                            + " valueRank, gateRank (rwkv7). What is not given is as usual.")
    private Map<String, Integer> sizes = Map.of();

    @Option(
            names = "--seed",
            paramLabel = "S",
            description = "What the weights follow from, any whole number. Default: 0.")
    private long seed;

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            description = "How weights are stored: f32, f16 or bf16. Default: bf16.")
    private WeightType type = WeightType.BF16;

    @Spec private CommandSpec spec;

    @Option(names = "--random", description = "Random numbers in every matrix, for measuring.")
    private boolean random;

    @Option(names = "--force", description = "Overwrite OUT when it exists.")
    private boolean force;

    @Mixin private ComputeOptions compute;

    InitCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (type.dtype().quantised()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--type is " + type + "; expected f32, f16 or bf16, then anser convert");
        }
        InitialWeights initial = initial();
        Outputs.requireNew(out, force);
        ConfigurationFile configuration = new ConfigurationFile(initial.configuration());
        boolean folder = !initial.configuration().isEmpty() && isFolder();
        if (!folder) {
            configuration.requireRoom(out);
        }
        List<Checkpoint.Entry> entries =
                initial.weights().stream()
                        .map(weight ->
                                new Checkpoint.Entry(weight.name(), type.dtype(), weight.shape()))
                        .toList();
        long bytes = type.dtype().bytes(initial.parameters());
        long largest =
                entries.stream().mapToLong(entry -> entry.shape().elements()).max().orElse(0);
        Iterator<InitialWeight> weights = initial.weights().iterator();
        try (Arena arena = Arena.ofShared();
                Threads threads = new Threads(compute.threads());
                Progress progress = Progress.start(console, "writing " + out, bytes)) {
            MemorySegment memory = arena.allocate(type.dtype().bytes(largest), 64);
            Map<String, String> metadata =
                    Map.of("architecture", initial.architecture(), "seed", Long.toString(seed));
            Function<Checkpoint.Entry, Tensor> tensors =
                    entry -> {
                        console.interruption().check();
                        Tensor tensor = fill(weights.next(), memory, entry.shape(), threads);
                        progress.advance(tensor.bytes());
                        return tensor;
                    };
            if (folder) {
                ModelFolder.write(out, entries, metadata, initial.configuration(), tensors);
            } else {
                Safetensors.write(out, entries, metadata, tensors);
                configuration.write(out);
            }
        }
        console.err()
                .println(
                        "anser: wrote "
                                + out
                                + ", "
                                + Units.count(initial.parameters())
                                + " weights, "
                                + Units.bytes(bytes));
        return 0;
    }

    /// Models that need a `config.json` are written as a folder when OUT has no ending.
    private boolean isFolder() {
        ModelFormat format = ModelFormat.of(out);
        if (format != ModelFormat.FOLDER && format != ModelFormat.SAFETENSORS) {
            throw new ParameterException(
                    spec.commandLine(),
                    "OUT is "
                            + out
                            + "; expected a name that ends with .safetensors, or a folder's without"
                            + " an ending, then anser convert");
        }
        return format == ModelFormat.FOLDER;
    }

    private InitialWeights initial() {
        NewModel model = model();
        return random ? model.random(seed) : model.training(seed);
    }

    private NewModel model() {
        if (Architectures.newFamilies().contains(preset)) {
            try {
                NewModel model = Architectures.create(preset, new NamedSizes(sizes));
                NamedSizes.requireVocabulary(model.vocabulary());
                return model;
            } catch (SizeException e) {
                throw new ParameterException(spec.commandLine(), "--size: " + e.getMessage());
            }
        }
        if (!sizes.isEmpty()) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--size is for a family, and "
                            + preset
                            + " is none; expected one of "
                            + String.join(", ", Architectures.newFamilies()));
        }
        if (Rwkv7Initial.presets().contains(preset)) {
            return Rwkv7Initial.preset(preset);
        }
        if (RwkvInitial.presets().contains(preset)) {
            return RwkvInitial.preset(preset);
        }
        List<String> presets = new ArrayList<>(Rwkv7Initial.presets());
        presets.addAll(RwkvInitial.presets());
        presets.addAll(Architectures.newFamilies());
        throw new AnserException(
                "there is no preset '"
                        + preset
                        + "'; expected one of "
                        + String.join(", ", presets));
    }

    private Tensor fill(InitialWeight weight, MemorySegment memory, Shape shape, Threads threads) {
        MemorySegment own = memory.asSlice(0, type.dtype().bytes(shape.elements()));
        Tensor tensor = new Tensor(own, type.dtype(), shape);
        weight.fill(tensor, threads);
        return tensor;
    }
}
