package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.text.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser tokenize`: text to token ids and back.
@Command(
        name = "tokenize",
        description = {
            "Prints the token ids of a text, or the bytes of token ids.",
            "No token is put in front of the text or behind it."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Examples:",
            "  anser tokenize --vocab rwkv_vocab_v20230424.txt \"Hello world\"",
            "  anser tokenize --vocab rwkv_vocab_v20230424.txt --decode 33155 40213"
        })
final class TokenizeCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Option(
            names = "--vocab",
            required = true,
            paramLabel = "FILE",
            description =
                    "The vocabulary: RWKV's rwkv_vocab_*.txt, a tokenizer.json, or a .gguf file or a"
                            + " folder that has one.")
    private Path vocabulary;

    @Option(names = "--decode", description = "Turn ids into bytes instead of bytes into ids.")
    private boolean decode;

    @Option(
            names = "--base64",
            description = "The bytes, read or (with --decode) printed, are in base64.")
    private boolean base64;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Parameters(
            paramLabel = "TEXT",
            arity = "0..*",
            description =
                    "The text, one argument; with --decode the ids, separated by spaces or commas."
                            + " Default: standard input, byte for byte.")
    private @Nullable List<String> input;

    TokenizeCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (!decode && input != null && input.size() > 1) {
            throw new ParameterException(
                    spec.commandLine(),
                    "the text is " + input.size() + " arguments; expected one, put it in quotes");
        }
        Tokenizer tokenizer = Vocabularies.load(vocabulary);
        if (decode) {
            printBytes(tokenizer.decode(ids()));
        } else {
            printIds(tokenizer.encode(bytes()));
        }
        return 0;
    }

    private byte[] bytes() {
        byte[] bytes =
                input == null
                        ? console.readAll()
                        : input.getFirst().getBytes(StandardCharsets.UTF_8);
        if (!base64) {
            return bytes;
        }
        try {
            return Base64.getDecoder()
                    .decode(new String(bytes, StandardCharsets.ISO_8859_1).strip());
        } catch (IllegalArgumentException e) {
            throw new AnserException("the input is not base64: " + e.getMessage(), e);
        }
    }

    private int[] ids() {
        String text =
                input == null
                        ? new String(console.readAll(), StandardCharsets.UTF_8)
                        : String.join(" ", input);
        return TokenIds.parse(text);
    }

    private void printIds(int[] ids) {
        if (json) {
            Json.print(
                    console,
                    out -> {
                        out.writeName("ids");
                        out.writeArray(ids, 0, ids.length);
                    });
        } else {
            console.printLine(
                    Arrays.stream(ids)
                            .mapToObj(Integer::toString)
                            .collect(Collectors.joining(" ")));
        }
    }

    private void printBytes(byte[] bytes) {
        if (json) {
            Json.print(
                    console,
                    out -> {
                        String text = utf8(bytes);
                        if (text == null) {
                            out.writeNullProperty("text");
                        } else {
                            out.writeStringProperty("text", text);
                        }
                        out.writeStringProperty(
                                "base64", Base64.getEncoder().encodeToString(bytes));
                    });
        } else if (base64) {
            console.printLine(Base64.getEncoder().encodeToString(bytes));
        } else {
            console.out().write(bytes, 0, bytes.length);
        }
    }

    private static @Nullable String utf8(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }
}
