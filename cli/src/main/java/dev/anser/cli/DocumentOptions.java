package dev.anser.cli;

import dev.anser.data.Documents;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/// What the documents of input files are.
final class DocumentOptions {
    @ArgGroup(exclusive = true)
    private @Nullable Split split;

    @Option(
            names = "--field",
            paramLabel = "NAME",
            defaultValue = "text",
            description =
                    "The field of JSONL, or the column of Parquet, that has the text."
                            + " Default: ${DEFAULT-VALUE}.")
    private String field;

    private static final class Split {
        @Option(
                names = "--separator",
                paramLabel = "LINE",
                description =
                        "In text files, a line that stands between documents, such as"
                                + " '<|endoftext|>'. Default: a file is one document.")
        private @Nullable String separator;

        @Option(
                names = "--blank-lines",
                description = "In text files, empty lines stand between documents.")
        private boolean blankLines;
    }

    Documents documents() {
        if (split == null) {
            return new Documents(new Documents.Split.None(), field);
        }
        return new Documents(
                split.blankLines || split.separator == null
                        ? new Documents.Split.BlankLines()
                        : new Documents.Split.Separator(split.separator),
                field);
    }
}
