package dev.anser.cli;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Architectures;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Threads;
import dev.anser.train.Learner;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser loss`: the mean cross entropy of a batch, and its gradient to every weight.
@Command(
        name = "loss",
        description = "Prints the mean cross entropy of a batch in nats, and writes its gradients.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Example:",
            "  anser loss model.pth --tokens-file tokens.npy --gradients-out gradients.safetensors"
        })
final class LossCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            converter = ModelPath.class,
            description = "A model file or folder of any format, or what was pulled.")
    private Path model;

    @Option(
            names = "--tokens-file",
            required = true,
            paramLabel = "T.npy",
            description =
                    "Token ids [B, T + 1]: all columns but the last are the input, all but the first"
                            + " the targets. Every sequence begins with the same state.")
    private Path tokens;

    @Option(
            names = "--gradients-out",
            paramLabel = "G.safetensors",
            description =
                    "Where to write the gradients, float32 under the model's own tensor names and"
                            + " shapes.")
    private @Nullable Path gradients;

    @Mixin private StateOption state;
    @Mixin private ComputeOptions compute;

    LossCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (gradients != null) {
            if (Outputs.same(gradients, model)) {
                throw new ParameterException(
                        spec.commandLine(),
                        "--gradients-out is the model's own file; give another name");
            }
            Outputs.requireWritable(gradients);
        }
        try (Threads threads = new Threads(compute.threads());
                Checkpoint checkpoint = Architectures.open(model);
                Learner learner = new Learner(checkpoint, Backends.choose(), threads)) {
            state.file().ifPresent(learner::beginWith);
            int[][] batch = TrainingTokens.batch(tokens, learner.model().config().vocabulary());
            double loss = learner.addGradients(batch, false);
            if (gradients != null) {
                learner.saveGradients(gradients);
            }
            Json.print(console, json -> json.writeNumberProperty("loss", loss));
        }
        return 0;
    }
}
