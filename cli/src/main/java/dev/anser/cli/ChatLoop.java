package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.generate.FinishReason;
import dev.anser.generate.Generation;
import dev.anser.generate.GenerationOptions;
import dev.anser.generate.SamplerSettings;
import dev.anser.text.ReplyMode;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// Reads what the user writes, turn by turn: a message for the model, or a command that begins with
/// a slash.
final class ChatLoop {
    static final List<String> COMMANDS =
            List.of("/help", "/save", "/load", "/rewind", "/reset", "/set", "/think", "/exit");

    private static final String HELP =
            """
            /save FILE        write the conversation's state to FILE (.safetensors)
            /load FILE        go on from the state in FILE
            /rewind [N]       take the last N turns back, 1 unless told
            /reset            begin anew
            /set NAME VALUE   temperature, top-p, top-k, min-p, presence, frequency, penalty-decay, order, seed
            /think MODE       off, on, normal, short, long or empty: whether the model thinks first
            /exit             leave, as Ctrl-D does
            Several lines: begin and end with \""", or end a line with a backslash. Ctrl-C stops an answer.
            """;

    private static final List<String> SETTINGS =
            List.of(
                    "temperature",
                    "top-p",
                    "top-k",
                    "min-p",
                    "presence",
                    "frequency",
                    "penalty-decay",
                    "order",
                    "seed");

    private static final Map<String, ReplyMode> THINKING =
            Map.of(
                    "off", ReplyMode.PLAIN,
                    "on", ReplyMode.THINK,
                    "normal", ReplyMode.THINK_NORMAL,
                    "short", ReplyMode.THINK_A_BIT,
                    "long", ReplyMode.THINK_A_LOT,
                    "empty", ReplyMode.FAKE_THINK);

    private static final String QUOTES = "\"\"\"";

    private final Console console;
    private final ChatInput input;
    private final Conversation conversation;
    private final SamplingOptions sampling;
    private final boolean embedded;
    private final int tokens;
    private ReplyMode mode = ReplyMode.PLAIN;

    ChatLoop(
            Console console,
            ChatInput input,
            Conversation conversation,
            SamplingOptions sampling,
            boolean embedded,
            int tokens) {
        this.console = console;
        this.input = input;
        this.conversation = conversation;
        this.sampling = sampling;
        this.embedded = embedded;
        this.tokens = tokens;
    }

    /// Runs until the user leaves; returns the exit code.
    int run() {
        while (true) {
            String text = message();
            if (text == null) {
                return 0;
            }
            if (text.strip().equals("/exit")) {
                return 0;
            }
            if (console.interruption().requested()) {
                return Cli.INTERRUPTED;
            }
            try {
                if (text.startsWith("/")) {
                    command(text.strip());
                } else if (!text.isBlank()) {
                    if (!answer(text)) {
                        return Cli.INTERRUPTED;
                    }
                }
            } catch (AnserException e) {
                // One failed turn or command does not end a conversation.
                console.out().flush();
                console.err().println("anser: " + e.getMessage());
            }
        }
    }

    /// What the user says next, several lines joined, or null when there is no more.
    private @Nullable String message() {
        String line = input.readLine("> ");
        if (line == null) {
            return null;
        }
        if (line.stripLeading().startsWith(QUOTES)) {
            return quoted(line.stripLeading().substring(QUOTES.length()));
        }
        StringBuilder text = new StringBuilder();
        while (line != null && line.endsWith("\\")) {
            text.append(line, 0, line.length() - 1).append('\n');
            line = input.readLine(". ");
        }
        return text.append(line == null ? "" : line).toString();
    }

    private String quoted(String first) {
        StringBuilder text = new StringBuilder();
        String line = first;
        while (line != null) {
            int end = line.indexOf(QUOTES);
            if (end >= 0) {
                return text.append(line, 0, end).toString();
            }
            text.append(line).append('\n');
            line = input.readLine(". ");
        }
        return text.toString();
    }

    private void command(String line) {
        String[] words = line.split("\\s+", 3);
        String argument = words.length > 1 ? line.substring(words[0].length()).strip() : "";
        switch (words[0]) {
            case "/help" -> console.print(HELP);
            case "/save" -> {
                conversation.save(file(words[0], argument));
                tell("saved to " + argument);
            }
            case "/load" -> {
                conversation.load(file(words[0], argument));
                tell("goes on from " + argument);
            }
            case "/rewind" -> rewind(argument);
            case "/reset" -> {
                conversation.reset();
                tell("begins anew");
            }
            case "/set" -> set(words);
            case "/think" -> think(argument);
            default ->
                    throw new AnserException(
                            "there is no command " + words[0] + "; /help lists them");
        }
        console.out().flush();
    }

    private void tell(String what) {
        console.err().println("anser: " + what);
    }

    private static Path file(String command, String argument) {
        if (argument.isEmpty()) {
            throw new AnserException(
                    command + " needs a file, as in " + command + " talk.safetensors");
        }
        return Path.of(argument);
    }

    private void rewind(String argument) {
        int turns = conversation.turns();
        int count;
        try {
            count = argument.isEmpty() ? 1 : Integer.parseInt(argument);
        } catch (NumberFormatException e) {
            count = 0;
        }
        if (count < 1 || count > turns) {
            throw new AnserException(
                    turns == 0
                            ? "there is no turn to take back"
                            : "/rewind takes 1 to "
                                    + turns
                                    + " turns back, not '"
                                    + argument
                                    + "'");
        }
        conversation.rewind(count);
        tell("took back " + count + (count == 1 ? " turn" : " turns"));
    }

    /// Sets one option of sampling, as on the command line.
    private void set(String[] words) {
        if (words.length < 3) {
            throw new AnserException("/set needs a name and a value, as in /set temperature 0.7");
        }
        if (!SETTINGS.contains(words[1])) {
            throw new AnserException(
                    "there is no setting "
                            + words[1]
                            + "; expected one of "
                            + String.join(", ", SETTINGS));
        }
        SamplingOptions copy = sampling.copy();
        try {
            new CommandLine(copy)
                    .setCaseInsensitiveEnumValuesAllowed(true)
                    .setExpandAtFiles(false)
                    .parseArgs("--" + words[1], words[2]);
        } catch (ParameterException e) {
            throw new AnserException("/set " + words[1] + ": " + e.getMessage(), e);
        }
        copy.apply(DefaultModel.sampling(embedded));
        sampling.take(copy);
        tell(words[1] + " is " + words[2]);
    }

    private void think(String argument) {
        if (conversation.style() == ChatStyle.STORY) {
            throw new AnserException("this model tells stories, it does not think first");
        }
        ReplyMode chosen = THINKING.get(argument.toLowerCase(Locale.ROOT));
        if (chosen == null) {
            throw new AnserException(
                    "/think takes off, on, normal, short, long or empty, not '" + argument + "'");
        }
        mode = chosen;
        tell("thinking is " + argument);
    }

    /// Says `text` to the model and prints its answer. Returns whether to go on.
    private boolean answer(String text) {
        AtomicBoolean stopped = new AtomicBoolean();
        SamplerSettings settings = sampling.apply(DefaultModel.sampling(embedded));
        GenerationOptions options =
                GenerationOptions.builder()
                        .maxTokens(tokens)
                        .stops(conversation.style().stops())
                        .sampling(settings)
                        .cancelled(() -> stopped.get() || console.interruption().requested())
                        .build();
        Reply reply = new Reply(console, conversation.style().opening(mode));
        input.whileAnswering(
                () -> {
                    Generation generation = conversation.say(text, mode, options, reply::accept);
                    reply.end(generation.finishReason());
                },
                () -> stopped.set(true));
        return !console.interruption().requested();
    }

    /// Prints an answer as it comes, without the white space around it.
    private static final class Reply {
        private final Console console;
        private boolean begun;

        Reply(Console console, String opening) {
            this.console = console;
            if (!opening.isEmpty()) {
                console.print(opening);
                begun = true;
            }
        }

        void accept(String piece) {
            String shown = begun ? piece : piece.stripLeading();
            if (!shown.isEmpty()) {
                begun = true;
                console.print(shown);
                console.out().flush();
            }
        }

        void end(FinishReason reason) {
            console.print(reason == FinishReason.STOP ? "\n" : " […]\n");
            console.out().flush();
        }
    }
}
