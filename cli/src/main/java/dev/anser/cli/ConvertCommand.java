package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Architectures;
import dev.anser.model.ModelConversion;
import dev.anser.model.ModelFormat;
import dev.anser.model.rwkv7.Rwkv7Upgrade;
import dev.anser.tensor.Threads;
import dev.anser.text.GgufTokenizers;
import dev.anser.text.TokenizerException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
                    + " programs that read the format do.",
            "",
            "--to rwkv7 makes of an RWKV-6 model an RWKV-7 model to begin training with"
                    + " (docs/finetuning.md)."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Examples:",
            "  anser convert model.pth model.safetensors --type bf16",
            "  anser convert model.pth model.gguf --type q8_0 --verify",
            "  anser convert rwkv6.pth rwkv7.pth --to rwkv7 --force"
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

    @Parameters(index = "1", paramLabel = "OUT", description = "The file or folder to write.")
    private Path out;

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            description =
                    "How weights are stored: f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k,"
                            + " q5_k or q6_k. Default: as they are.")
    private @Nullable WeightType type;

    @Option(
            names = "--to",
            paramLabel = "VERSION",
            description =
                    "Make it another version, to be trained: rwkv7, of an RWKV-6 model. Says what"
                            + " begins anew, and wants --force.")
    private @Nullable String version;

    @Option(
            names = "--vocab",
            paramLabel = "FILE",
            description =
                    "The vocabulary that a .gguf file shall have in it: RWKV's rwkv_vocab_*.txt, or a"
                            + " tokenizer.json of BPE with what stands beside it. Default: that of"
                            + " IN, or the one beside it.")
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
        if (version != null && !version.equals("rwkv7")) {
            throw new ParameterException(
                    spec.commandLine(), "--to is '" + version + "'; expected rwkv7");
        }
        if (version != null && verify) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--verify compares two files of one model; --to makes another model");
        }
        ModelFormat format = ModelFormat.of(out);
        if (vocabulary != null && format != ModelFormat.GGUF) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--vocab goes into .gguf files alone, and OUT is "
                            + out
                            + "; leave it out, or give OUT a name that ends with .gguf");
        }
        Outputs.requireNew(out, force);
        try (Threads threads = new Threads(compute.threads());
                Checkpoint checkpoint = open(threads)) {
            ModelConversion conversion =
                    new ModelConversion(
                            checkpoint,
                            format,
                            Optional.ofNullable(type).map(WeightType::dtype),
                            threads);
            Optional<GgufTokenizer> tokenizer =
                    format == ModelFormat.GGUF ? tokenizer(checkpoint) : Optional.empty();
            List<String> lost = new ArrayList<>(conversion.lost());
            tokenizer.ifPresent(found -> lost.addAll(found.lost()));
            Map<String, byte[]> files =
                    format == ModelFormat.FOLDER ? tokenizerFiles(checkpoint, lost) : Map.of();
            requireNothingLost(lost);
            sayWhatDoesNotFit(conversion.misfits());
            try (Progress progress =
                    Progress.start(console, "writing " + out, conversion.bytes())) {
                conversion.write(
                        out,
                        metadata -> tokenizer.ifPresent(found -> metadata.values(found.values())),
                        bytes -> {
                            console.interruption().check();
                            progress.advance(bytes);
                        });
            }
            files.forEach((name, content) -> write(out.resolve(name), content));
            console.err().println("anser: wrote " + out + ", " + Units.bytes(conversion.bytes()));
        }
        if (verify) {
            ModelComparison.print(console, in, out, compute);
        }
        return 0;
    }

    private Checkpoint open(Threads threads) {
        Checkpoint checkpoint = Architectures.open(in);
        if (version == null) {
            return checkpoint;
        }
        try {
            Rwkv7Upgrade upgrade = new Rwkv7Upgrade(checkpoint, threads);
            requireWanted(upgrade);
            return upgrade.upgraded();
        } catch (RuntimeException e) {
            checkpoint.close();
            throw e;
        }
    }

    private void requireWanted(Rwkv7Upgrade upgrade) {
        String changes =
                "loses "
                        + String.join(", ", upgrade.lost())
                        + "; only comes close with "
                        + String.join(", ", upgrade.approximate())
                        + "; begins anew with "
                        + String.join(", ", upgrade.fresh());
        if (!force) {
            throw new AnserException(
                    in
                            + ": as RWKV-7 it "
                            + changes
                            + "; it is to be trained before use. Give --force to write it");
        }
        console.err().println("anser: as RWKV-7 the model " + changes);
    }

    /// The tokenizer of a GGUF file as files of a folder. Where that cannot be, `lost` says why.
    private static Map<String, byte[]> tokenizerFiles(Checkpoint checkpoint, List<String> lost) {
        int at = lost.indexOf(ModelConversion.TOKENIZER);
        if (at < 0) {
            return Map.of();
        }
        try {
            Map<String, byte[]> files =
                    GgufTokenizers.files(checkpoint.source(), checkpoint.values());
            if (!files.isEmpty()) {
                lost.remove(at);
            }
            return files;
        } catch (TokenizerException e) {
            lost.set(at, ModelConversion.TOKENIZER + " (" + e.getMessage() + ")");
            return Map.of();
        }
    }

    private static void write(Path file, byte[] content) {
        ByteBuffer left = ByteBuffer.wrap(content);
        WholeFile.write(
                file,
                channel -> {
                    while (left.hasRemaining()) {
                        channel.write(left);
                    }
                });
    }

    /// A file without a tokenizer is one that Anser runs and llama.cpp refuses.
    private Optional<GgufTokenizer> tokenizer(Checkpoint checkpoint) {
        Optional<GgufTokenizer> own =
                vocabulary == null ? GgufTokenizer.copied(checkpoint) : Optional.empty();
        if (own.isPresent()) {
            return own;
        }
        Optional<Path> file =
                vocabulary == null ? Vocabularies.onlyBeside(in) : Optional.of(vocabulary);
        if (file.isEmpty()) {
            console.err()
                    .println(
                            "anser: there is no vocabulary beside "
                                    + in
                                    + ", or there are several: the file gets no tokenizer, which"
                                    + " llama.cpp wants; give --vocab FILE");
        }
        int ids = Architectures.describe(checkpoint).vocabulary();
        return file.map(path -> GgufTokenizer.of(path, ids));
    }

    private void sayWhatDoesNotFit(List<String> tensors) {
        if (!tensors.isEmpty()) {
            console.err()
                    .println(
                            "anser: the rows of "
                                    + tensors.size()
                                    + " tensors ("
                                    + tensors.getFirst()
                                    + (tensors.size() > 1 ? ", …" : "")
                                    + ") are no whole number of blocks of "
                                    + type
                                    + ": they become q8_0, or f16");
        }
    }

    private void requireNothingLost(List<String> losses) {
        if (losses.isEmpty()) {
            return;
        }
        String lost = String.join(", ", losses);
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
