package dev.anser.cli;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.model.Architectures;
import dev.anser.tensor.Threads;
import dev.anser.train.Merge;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser merge`: a model and an adapter become one model.
@Command(
        name = "merge",
        description = {
            "Puts an adapter into the model that it was trained on, and writes the new model.",
            "",
            "Low-rank pairs (NAME.lora_A, NAME.lora_B) are added to their matrices, W + alpha / r B A,"
                    + " computed in float32 and rounded to the type of W. A learned initial state"
                    + " (blocks.N.att.time_state) joins the model, whose sequences then begin with"
                    + " it. The names are those of RWKV-PEFT, whose .pth files work as well."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser merge model.pth lora.safetensors merged.safetensors"})
final class MergeCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            paramLabel = "BASE",
            converter = ModelPath.class,
            description = "The model: a file or folder of any format.")
    private Path base;

    @Parameters(
            index = "1",
            paramLabel = "ADAPTER",
            description = "What was trained on it: a .safetensors or .pth file.")
    private Path adapter;

    @Parameters(index = "2", paramLabel = "OUT", description = "The .safetensors file to write.")
    private Path out;

    @Option(
            names = "--alpha",
            paramLabel = "A",
            description =
                    "LoRA's alpha, above 0. Default: the one in ADAPTER; files of RWKV-PEFT have"
                            + " none.")
    private @Nullable Double alpha;

    @Option(names = "--force", description = "Overwrite OUT when it exists.")
    private boolean force;

    @Mixin private ComputeOptions compute;

    MergeCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (Outputs.same(out, base) || Outputs.same(out, adapter)) {
            throw new ParameterException(
                    spec.commandLine(), "OUT is one of the files it is made of; give another name");
        }
        Outputs.requireNew(out, force);
        OptionalDouble given = alpha == null ? OptionalDouble.empty() : OptionalDouble.of(alpha);
        try (Threads threads = new Threads(compute.threads());
                Checkpoint model = Architectures.open(base);
                Checkpoint addition = Checkpoints.open(adapter)) {
            Merge merge = new Merge(model, addition, given, threads);
            merge.write(out);
            console.err()
                    .println("anser: wrote " + out + ", " + merge.tensors() + " tensors changed");
        }
        return 0;
    }
}
