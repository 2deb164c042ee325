package dev.anser.cli;

import dev.anser.data.Binidx;
import dev.anser.data.DataException;
import dev.anser.text.Tokenizer;
import dev.anser.text.TokenizerException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser data text`: binidx data back to text.
@Command(
        name = "text",
        description = "Prints the documents of PREFIX.bin and PREFIX.idx as text.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Example:",
            "  anser data text stories --vocab rwkv_vocab_v20230424.txt --jsonl > stories.jsonl",
            "  anser data text books --bytes --separator '<|endoftext|>' --first 2"
        })
final class DataTextCommand implements Callable<Integer> {
    private static final int PIECE = 1 << 16;

    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(paramLabel = "PREFIX", description = "The files, without .bin and .idx.")
    private Path prefix;

    @ArgGroup(exclusive = true, multiplicity = "1")
    private VocabularyOrBytes vocabulary;

    @ArgGroup(exclusive = true)
    private @Nullable Form form;

    @Option(
            names = "--first",
            paramLabel = "N",
            description = "Only the first N documents. Default: all.")
    private @Nullable Long first;

    private static final class Form {
        @Option(
                names = "--jsonl",
                description = "One line {\"text\": …} for each document, which must be UTF-8.")
        private boolean jsonl;

        @Option(
                names = "--separator",
                paramLabel = "LINE",
                description =
                        "A line to stand between documents. Needed for several documents unless"
                                + " --jsonl is given.")
        private @Nullable String separator;
    }

    DataTextCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (first != null && first < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--first is " + first + "; expected 1 or more");
        }
        Tokenizer tokenizer = vocabulary.tokenizer();
        try (Binidx data = Binidx.open(prefix)) {
            long documents = data.documents();
            if (first != null) {
                documents = Math.min(documents, first);
            }
            boolean jsonl = form != null && form.jsonl;
            String separator = form == null ? null : form.separator;
            if (documents > 1 && !jsonl && separator == null) {
                throw new ParameterException(
                        spec.commandLine(),
                        "there are "
                                + documents
                                + " documents; say what stands between them with --separator LINE"
                                + " or --jsonl");
            }
            for (long number = 0; number < documents; number++) {
                if (jsonl) {
                    printJson(data, number, tokenizer);
                } else {
                    if (number > 0) {
                        console.print("\n" + separator + "\n");
                    }
                    decode(data, number, tokenizer, console.out());
                }
            }
        }
        return 0;
    }

    private void printJson(Binidx data, long number, Tokenizer tokenizer) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        decode(data, number, tokenizer, bytes);
        try {
            String text =
                    StandardCharsets.UTF_8
                            .newDecoder()
                            .decode(ByteBuffer.wrap(bytes.toByteArray()))
                            .toString();
            Json.print(console, out -> out.writeStringProperty("text", text));
        } catch (CharacterCodingException e) {
            throw new DataException(
                    "document "
                            + number
                            + " is not UTF-8 and cannot stand in JSON; print it without --jsonl",
                    e);
        }
    }

    /// Writes the bytes of a document, without the token 0 at its end, piece by piece.
    private void decode(Binidx data, long number, Tokenizer tokenizer, OutputStream out) {
        long start = data.startOf(number);
        long from = start;
        long end = from + data.sizeOf(number);
        int[] piece = new int[(int) Math.min(PIECE, end - from)];
        while (from < end) {
            console.interruption().check();
            int count = (int) Math.min(piece.length, end - from);
            data.read(from, piece, 0, count);
            boolean first = from == start;
            from += count;
            if (from == end && piece[count - 1] == 0) {
                count--;
            }
            try {
                if (first) {
                    out.write(tokenizer.decode(Arrays.copyOf(piece, count)));
                } else {
                    // Not decoded: only in front of a text may a vocabulary have a space of its
                    // own.
                    for (int i = 0; i < count; i++) {
                        out.write(tokenizer.bytes(piece[i]));
                    }
                }
            } catch (TokenizerException e) {
                throw new DataException(
                        prefix
                                + ": document "
                                + number
                                + ": "
                                + e.getMessage()
                                + "; give the vocabulary that the data was built with",
                        e);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
