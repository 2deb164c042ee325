package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Safetensors;
import dev.anser.model.InitialWeight;
import dev.anser.model.InitialWeights;
import dev.anser.model.RwkvInitial;
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
            "Writes a new RWKV model, at the sizes of an official one.",
            "",
            "Its weights are those that the official training begins with: orthogonal matrices, and"
                    + " zeros where a block writes to the residual stream. With --random all matrices"
                    + " are random numbers: so every weight has an effect, and the model serves for"
                    + " benchmarks and tests. The same seed gives the same file."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Examples:",
            "  anser init 0.1b new.safetensors --seed 1",
            "  anser init 0.4b random.safetensors --seed 1 --random"
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
                            + " rwkv6-1.6b, -3b, -7b, -14b.")
    private String preset;

    @Parameters(index = "1", paramLabel = "OUT", description = "The .safetensors file to write.")
    private Path out;

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
            Safetensors.write(
                    out,
                    entries,
                    Map.of("architecture", initial.architecture(), "seed", Long.toString(seed)),
                    entry -> {
                        console.interruption().check();
                        Tensor tensor = fill(weights.next(), memory, entry.shape(), threads);
                        progress.advance(tensor.bytes());
                        return tensor;
                    });
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

    private InitialWeights initial() {
        if (Rwkv7Initial.presets().contains(preset)) {
            Rwkv7Initial.Sizes sizes = Rwkv7Initial.preset(preset);
            return random ? Rwkv7Initial.of(sizes, seed) : Rwkv7Initial.training(sizes, seed);
        }
        if (RwkvInitial.presets().contains(preset)) {
            RwkvInitial.Sizes sizes = RwkvInitial.preset(preset);
            return random ? RwkvInitial.of(sizes, seed) : RwkvInitial.training(sizes, seed);
        }
        List<String> presets = new ArrayList<>(Rwkv7Initial.presets());
        presets.addAll(RwkvInitial.presets());
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
