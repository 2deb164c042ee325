package dev.anser.cli;

import dev.anser.generate.GenerateException;
import dev.anser.generate.Session;
import dev.anser.tensor.Activations;
import dev.anser.text.Tokenizer;
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

/// `anser chat`: a conversation in the terminal, or through a pipe.
@Command(
        name = "chat",
        description = {
            "Talks with a model. /help lists what can be done besides. The embedded model knows"
                    + " stories alone: you begin a paragraph, it goes on to the end of it.",
            "Turns are written as RWKV's G1 models know them; templates in model files are not used.",
            "",
            "Several lines: begin and end with \"\"\", or end a line with a backslash."
                    + " Ctrl-C stops the answer, Ctrl-D leaves."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser chat model.pth --vocab rwkv_vocab_v20230424.txt"})
final class ChatCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            converter = ModelPath.class,
            arity = "0..1",
            description = "A model file or folder of any format. Default: the embedded model.")
    private @Nullable Path model;

    @Option(
            names = {"-n", "--tokens"},
            paramLabel = "N",
            description = "Tokens of an answer, at most; 1 or more. Default: 1024.")
    private int tokens = 1024;

    @Mixin private SamplingOptions sampling;
    @Mixin private VocabularyOption vocabulary;
    @Mixin private StateOption stateIn;
    @Mixin private ActivationOption activations;
    @Mixin private ComputeOptions compute;

    ChatCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        checkOptions();
        try (Engine engine = Engine.open(model, compute);
                Session session = new Session(engine.model(), engine.ops())) {
            activations.apply(engine, Activations.INT8);
            Tokenizer tokenizer = vocabulary.tokenizer(model, engine);
            ChatStyle style = model == null ? ChatStyle.STORY : ChatStyle.DIALOGUE;
            try (Conversation conversation = new Conversation(session, tokenizer, style);
                    ChatInput input = ChatInput.of(console)) {
                stateIn.file().ifPresent(conversation::load);
                if (console.interactive()) {
                    console.printLine(
                            (style == ChatStyle.STORY
                                            ? "Begin a story and press Enter"
                                            : "Write and press Enter")
                                    + "; /help tells more, Ctrl-D leaves.");
                    console.out().flush();
                }
                return new ChatLoop(console, input, conversation, sampling, model == null, tokens)
                        .run();
            }
        }
    }

    private void checkOptions() {
        if (tokens < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--tokens is " + tokens + "; expected 1 or more");
        }
        try {
            sampling.apply(DefaultModel.sampling(model == null));
        } catch (GenerateException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }
}
