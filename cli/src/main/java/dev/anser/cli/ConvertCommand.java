package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.model.Architectures;
import dev.anser.model.ModelConversion;
import dev.anser.model.ModelFormat;
import dev.anser.tensor.Threads;
import dev.anser.text.Tokenizers;
import dev.anser.text.WorldTokenizer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser convert`: the same model in another format, layout or type.
@Command(
        name = "convert",
        description = {
            "Writes a model in another format or type.",
            "",
            "The name of OUT says the format: .safetensors and .pth (official names), .gguf"
                    + " (llama.cpp), .bin (rwkv.cpp), .st (web-rwkv), and without an ending a folder with"
                    + " config.json, which Transformers need and flash-linear-attention has of RWKV-7. Biases, mixes and norms"
                    + " keep their type; quantising spares what is small or sensitive as the"
                    + " programs that read the format do."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Examples:",
            "  anser convert model.pth model.safetensors --type bf16",
            "  anser convert model.pth model.gguf --type q8_0 --verify"
        })
final class ConvertCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            paramLabel = "IN",
            converter = ModelPath.class,
            description = "A model file or folder of any format.")
    private Path in;

    @Parameters(index = "1", paramLabel = "OUT", description = "The file to write.")
    private Path out;

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            description =
                    "How weights are stored: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k,"
                            + " q5_k or q6_k. Default: as they are.")
    private @Nullable WeightType type;

    @Option(
            names = "--vocab",
            paramLabel = "FILE",
            description =
                    "The RWKV vocabulary that a .gguf file shall have in it. Default: that of IN, or"
                            + " rwkv_vocab*.txt beside it.")
    private @Nullable Path vocabulary;

    @Option(
            names = "--verify",
            description = "Run both models and print the largest difference of a logit.")
    private boolean verify;

    @Option(
            names = "--force",
            description = "Overwrite OUT when it exists, and convert even if something is lost.")
    private boolean force;

    @Mixin private ComputeOptions compute;

    ConvertCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (Outputs.same(out, in)) {
            throw new ParameterException(
                    spec.commandLine(), "OUT is the file that is read; give another name");
        }
        ModelFormat format = ModelFormat.of(out);
        Outputs.requireNew(out, force);
        try (Threads threads = new Threads(compute.threads());
                Checkpoint checkpoint = Architectures.open(in)) {
            ModelConversion conversion =
                    new ModelConversion(
                            checkpoint,
                            format,
                            Optional.ofNullable(type).map(WeightType::dtype),
                            threads);
            requireNothingLost(conversion);
            try (Progress progress =
                    Progress.start(console, "writing " + out, conversion.bytes())) {
                conversion.write(
                        out,
                        metadata -> addTokenizer(checkpoint, metadata),
                        bytes -> {
                            console.interruption().check();
                            progress.advance(bytes);
                        });
            }
            console.err().println("anser: wrote " + out + ", " + Units.bytes(conversion.bytes()));
        }
        if (verify) {
            ModelComparison.print(console, in, out, compute);
        }
        return 0;
    }

    /// A file without a tokenizer is one that Anser runs and llama.cpp refuses.
    private void addTokenizer(Checkpoint checkpoint, GgufMetadata metadata) {
        int ids = Architectures.describe(checkpoint).vocabulary();
        if (vocabulary == null && checkpoint.values().containsKey("tokenizer.ggml.model")) {
            GgufTokenizer.copy(checkpoint, metadata);
            return;
        }
        Path file = vocabulary == null ? Vocabularies.onlyBeside(in).orElse(null) : vocabulary;
        if (file != null && Tokenizers.load(file) instanceof WorldTokenizer world) {
            GgufTokenizer.write(world, ids, metadata);
        } else if (vocabulary != null) {
            throw new AnserException(
                    vocabulary
                            + ": is no RWKV vocabulary; expected one of the format"
                            + " rwkv_vocab*.txt");
        } else {
            console.err()
                    .println(
                            "anser: there is no RWKV vocabulary beside "
                                    + in
                                    + ": the file gets no tokenizer, which llama.cpp wants; give"
                                    + " --vocab FILE");
        }
    }

    private void requireNothingLost(ModelConversion conversion) {
        if (conversion.lost().isEmpty()) {
            return;
        }
        String lost = String.join(", ", conversion.lost());
        if (!force) {
            throw new AnserException(
                    out
                            + ": the format has no place for "
                            + lost
                            + "; give --force to leave it out");
        }
        console.err().println("anser: left out, for " + out + " has no place for it: " + lost);
    }
}
