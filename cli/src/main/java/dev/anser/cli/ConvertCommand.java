package dev.anser.cli;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Conversion;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser convert`: the same model as safetensors, in another type.
@Command(
        name = "convert",
        description = {
            "Writes a model as safetensors, with its matrices in another type.",
            "",
            "Biases, mixes and norms keep their type. Names and metadata stay as they are."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser convert model.pth model.safetensors --type bf16"})
final class ConvertCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            paramLabel = "IN",
            description = "A .pth, .safetensors or rwkv.cpp .bin file.")
    private Path in;

    @Parameters(index = "1", paramLabel = "OUT", description = "The .safetensors file to write.")
    private Path out;

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            description = "How matrices are stored: f32, f16 or bf16. Default: bf16.")
    private WeightType type = WeightType.BF16;

    @Option(names = "--force", description = "Overwrite OUT when it exists.")
    private boolean force;

    ConvertCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (Outputs.same(out, in)) {
            throw new ParameterException(
                    spec.commandLine(), "OUT is the file that is read; give another name");
        }
        Outputs.requireNew(out, force);
        try (Checkpoint checkpoint = Checkpoints.open(in)) {
            Conversion conversion = new Conversion(checkpoint, type.dtype());
            try (Progress progress =
                    Progress.start(console, "writing " + out, conversion.bytes())) {
                conversion.write(
                        out,
                        bytes -> {
                            console.interruption().check();
                            progress.advance(bytes);
                        });
            }
            console.err().println("anser: wrote " + out + ", " + Units.bytes(conversion.bytes()));
        }
        return 0;
    }
}
