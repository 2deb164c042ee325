package dev.anser.model;

import dev.anser.base.AnserException;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Conversion;
import dev.anser.checkpoint.Gguf;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.checkpoint.ModelFolder;
import dev.anser.checkpoint.RwkvCpp;
import dev.anser.checkpoint.Safetensors;
import dev.anser.checkpoint.Torch;
import dev.anser.tensor.DType;
import dev.anser.tensor.Threads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/// One model on its way from any file to a file of another format, layout and type.
///
/// ```java
/// try (Checkpoint model = Architectures.open(Path.of("model.pth"))) {
///     ModelConversion conversion =
///             new ModelConversion(model, ModelFormat.GGUF, Optional.of(DType.Q8_0), threads);
///     conversion.write(Path.of("model.gguf"), _ -> {}, _ -> {});
/// }
/// ```
public final class ModelConversion {
    /// What [#lost()] calls the tokenizer of a GGUF file, which stays with whoever knows
    /// tokenizers.
    public static final String TOKENIZER = "the tokenizer in its metadata";

    private final Checkpoint official;
    private final ModelFormat format;
    private final @Nullable Layout layout;
    private final List<String> lost;
    private final Conversion conversion;

    /// Plans the conversion of `official`, see [Architectures#open(Path)], borrowed.
    ///
    /// @param wanted the type of the weights; small and sensitive tensors may be finer. Empty keeps
    ///   the types
    /// @throws AnserException when the format cannot hold this model or this type
    public ModelConversion(
            Checkpoint official, ModelFormat format, Optional<DType> wanted, Threads threads) {
        this.official = official;
        this.format = format;
        Layout layout = layout(official, format);
        if (format == ModelFormat.FOLDER && layout == null && official.configuration().isEmpty()) {
            throw new AnserException(
                    "this model has no configuration to write beside its weights; give OUT a name"
                            + " that ends with .safetensors");
        }
        if (format == ModelFormat.WEB_RWKV && wanted.orElse(DType.F16) != DType.F16) {
            throw new AnserException(
                    "a web-rwkv file has weights of type F16 alone, not "
                            + wanted.get()
                            + "; leave --type out");
        }
        this.layout = layout;
        this.lost = lost(official, format, layout);
        Checkpoint stored = layout == null ? official : layout.stored(official);
        this.conversion =
                new Conversion(stored, entry -> type(entry, wanted.orElse(entry.dtype())), threads);
    }

    private static @Nullable Layout layout(Checkpoint official, ModelFormat format) {
        if (format == ModelFormat.FOLDER) {
            return Architectures.folderLayout(official).orElse(null);
        }
        return format.layout().isEmpty() ? null : Architectures.layout(official, format.layout());
    }

    private static List<String> lost(
            Checkpoint official, ModelFormat format, @Nullable Layout layout) {
        List<String> lost = new ArrayList<>(layout == null ? List.of() : layout.lost(official));
        if (!official.format().equals(format.layout())) {
            Architectures.knownLayout(official, official.format())
                    .ifPresent(source -> lost.addAll(source.own()));
        }
        if (format == ModelFormat.GGUF) {
            return lost;
        }
        if (official.values().keySet().stream().anyMatch(name -> name.startsWith("tokenizer."))) {
            lost.add(TOKENIZER);
        }
        if (format != ModelFormat.FOLDER && !official.configuration().isEmpty()) {
            lost.add("its configuration, without which it cannot be read (write a folder)");
        }
        return lost;
    }

    private DType type(Checkpoint.Entry entry, DType wanted) {
        if (layout != null && format != ModelFormat.FOLDER) {
            return layout.type(entry, wanted);
        }
        if (wanted.quantised()) {
            throw new AnserException(
                    "a "
                            + format.name().toLowerCase(Locale.ROOT)
                            + " file has no type "
                            + wanted
                            + "; write a .gguf or an rwkv.cpp .bin, or give --type f16");
        }
        return TableLayout.isMatrix(entry) ? wanted : entry.dtype();
    }

    /// What of the model the format has no place for; empty when nothing is lost.
    public List<String> lost() {
        return List.copyOf(lost);
    }

    /// The tensors whose rows do not fit the blocks of the type that is wanted, and which get a
    /// finer one.
    public List<String> misfits() {
        return conversion.misfits();
    }

    /// The size of all tensors to write.
    public long bytes() {
        return conversion.bytes();
    }

    /// The tensors that will be written.
    public List<Checkpoint.Entry> entries() {
        return conversion.entries();
    }

    /// Writes the model to `target`, whole or not at all.
    ///
    /// @param extra adds to the metadata of a GGUF file, a tokenizer for example
    /// @param progress is told of the bytes of each tensor that is done
    /// @throws AnserException when a weight is beyond what its type can hold, or the file cannot be
    ///   written
    public void write(Path target, Consumer<GgufMetadata> extra, LongConsumer progress) {
        conversion.write(
                switch (format) {
                    case SAFETENSORS, WEB_RWKV ->
                            (entries, tensors) ->
                                    Safetensors.write(
                                            target, entries, official.metadata(), tensors);
                    case FOLDER ->
                            (entries, tensors) ->
                                    ModelFolder.write(
                                            target,
                                            entries,
                                            official.metadata(),
                                            layout instanceof FolderLayout folder
                                                    ? folder.written(official)
                                                    : official.configuration(),
                                            tensors);
                    case PTH -> (entries, tensors) -> Torch.write(target, entries, tensors);
                    case GGUF -> {
                        GgufMetadata metadata = ((GgufLayout) layout()).metadata(official);
                        extra.accept(metadata);
                        yield (entries, tensors) -> Gguf.write(target, entries, metadata, tensors);
                    }
                    case RWKV_CPP -> {
                        RwkvCpp.Header header = header();
                        yield (entries, tensors) -> RwkvCpp.write(target, entries, header, tensors);
                    }
                },
                progress);
    }

    private Layout layout() {
        if (layout == null) {
            throw new IllegalStateException(format + " has no layout");
        }
        return layout;
    }

    private RwkvCpp.Header header() {
        ModelConfig config = Architectures.describe(official);
        String matrix = "blocks.0.att.key.weight";
        DType type =
                conversion.entries().stream()
                        .filter(entry -> entry.name().equals(matrix))
                        .map(Checkpoint.Entry::dtype)
                        .findFirst()
                        .orElse(DType.F32);
        return new RwkvCpp.Header(config.vocabulary(), config.width(), config.layers(), type);
    }
}
