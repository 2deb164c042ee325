package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Npy;
import dev.anser.checkpoint.NpyArray;
import dev.anser.model.Batch;
import dev.anser.model.State;
import dev.anser.tensor.Activations;
import dev.anser.tensor.Shape;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser logits`: what the model says after every token, as a NumPy file.
@Command(
        name = "logits",
        description = "Writes the logits after every token as a float32 .npy file [T, V].",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser logits model.pth --tokens 5,17,3 --out logits.npy"})
final class LogitsCommand implements Callable<Integer> {
    private static final int DEFAULT_CHUNK = 256;
    private static final int MAX_CHUNK = 65_536;

    private final Console console;

    @Spec private CommandSpec spec;

    /// How tokens are run.
    private enum Mode {
        RECURRENT,
        PARALLEL;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /// Where the tokens come from: exactly one of both.
    private static final class Tokens {
        @Option(names = "--tokens", paramLabel = "IDS", description = "The token ids, as 5,17,3.")
        private @Nullable String ids;

        @Option(
                names = "--tokens-file",
                paramLabel = "T.npy",
                description = "The token ids, a .npy file of whole numbers with one axis.")
        private @Nullable Path file;
    }

    @Parameters(
            paramLabel = "MODEL",
            converter = ModelPath.class,
            description = "A model file or folder of any format, or what was pulled.")
    private Path model;

    @ArgGroup(exclusive = true, multiplicity = "1")
    private Tokens tokens;

    @Option(
            names = "--mode",
            paramLabel = "MODE",
            description =
                    "recurrent: one token at a time; parallel: chunks of tokens. The results agree up"
                            + " to rounding. Default: parallel.")
    private Mode mode = Mode.PARALLEL;

    @Option(
            names = "--chunk",
            paramLabel = "N",
            description = "Tokens in one chunk of the parallel mode, 1 to 65536. Default: 256.")
    private @Nullable Integer chunk;

    @Option(
            names = "--state-out",
            paramLabel = "S.safetensors",
            description = "Where to write the state after the last token.")
    private @Nullable Path stateOut;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "L.npy",
            description = "Where to write the logits; row t is what follows after token t.")
    private Path out;

    @Mixin private StateOption stateIn;
    @Mixin private ActivationOption activations;
    @Mixin private ComputeOptions compute;

    LogitsCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        int rows = rowsPerPass();
        if (stateOut != null && Outputs.same(out, stateOut)) {
            throw wrong("--out and --state-out are the same file; give two names");
        }
        if (Outputs.same(out, model) || (stateOut != null && Outputs.same(stateOut, model))) {
            throw wrong("the output is the model's own file; give another name");
        }
        int[] ids = ids();
        Outputs.requireWritable(out);
        if (stateOut != null) {
            Outputs.requireWritable(stateOut);
        }
        try (Engine engine = Engine.open(model, compute);
                State state = stateIn.newState(engine.model())) {
            activations.apply(engine, Activations.F32);
            int vocabulary = engine.model().config().vocabulary();
            TokenIds.requireBelow(vocabulary, ids, source());
            Npy.write(
                    out,
                    Shape.of(ids.length, vocabulary),
                    writer -> {
                        run(engine, state, ids, rows, writer);
                        if (stateOut != null) {
                            state.save(stateOut);
                        }
                    });
        }
        return 0;
    }

    private int rowsPerPass() {
        if (mode == Mode.RECURRENT) {
            if (chunk != null) {
                throw wrong(
                        "--chunk belongs to --mode parallel; leave it out with --mode recurrent");
            }
            return 1;
        }
        if (chunk != null && (chunk < 1 || chunk > MAX_CHUNK)) {
            throw wrong("--chunk is " + chunk + "; expected 1 to " + MAX_CHUNK);
        }
        return chunk == null ? DEFAULT_CHUNK : chunk;
    }

    private void run(Engine engine, State state, int[] ids, int rows, Npy.Writer writer) {
        for (int from = 0; from < ids.length; from += rows) {
            console.interruption().check();
            int[] part = Arrays.copyOfRange(ids, from, Math.min(from + rows, ids.length));
            Batch batch = Batch.of(state, Batch.Logits.ALL, part);
            writer.append(engine.model().forward(engine.ops(), batch));
        }
    }

    private int[] ids() {
        int[] ids;
        if (tokens.file != null) {
            NpyArray array = Npy.read(tokens.file);
            if (array.shape().rank() != 1) {
                throw new AnserException(
                        tokens.file
                                + ": has shape "
                                + array.shape()
                                + "; expected one axis of token ids");
            }
            ids = array.ints();
        } else {
            ids = TokenIds.parse(tokens.ids == null ? "" : tokens.ids);
        }
        if (ids.length == 0) {
            throw new AnserException(source() + ": there is no token; expected at least one");
        }
        return ids;
    }

    private String source() {
        return tokens.file == null ? "--tokens" : tokens.file.toString();
    }

    private ParameterException wrong(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
