package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.checkpoint.GgufMetadata;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.tensor.DType;

/// How one family stands in GGUF files, as llama.cpp reads them: the tensors, and what the file's
/// metadata says of the model.
public abstract class GgufLayout extends TableLayout {
    /// The context that converters write for a model without a limit.
    private static final long UNBOUNDED = 1 << 20;

    private final String architecture;

    /// A layout of files whose `general.architecture` is `architecture`.
    protected GgufLayout(String architecture) {
        super("gguf");
        this.architecture = architecture;
    }

    /// `general.architecture`, which begins the names of the metadata.
    protected final String architecture() {
        return architecture;
    }

    @Override
    public boolean recognises(Checkpoint file) {
        return file.format().equals("gguf")
                && architecture.equals(file.metadata().get("general.architecture"));
    }

    /// The number `name` of this architecture in the metadata of `file`.
    ///
    /// @throws ModelFormatException when it is missing, or not from 1 to 2^24
    protected final int count(Checkpoint file, String name) {
        Object value = file.values().get(architecture + "." + name);
        if (value instanceof Long number && number >= 1 && number <= 1 << 24) {
            return number.intValue();
        }
        throw new ModelFormatException(
                file.source()
                        + ": "
                        + architecture
                        + "."
                        + name
                        + " is "
                        + (value == null ? "missing" : value)
                        + "; expected a whole number from 1 to "
                        + (1 << 24));
    }

    /// What llama.cpp needs to know of the model in `official`, its tokenizer aside.
    public abstract GgufMetadata metadata(Checkpoint official);

    /// What the files of all RWKV with a state of matrices say, which no context bounds and which
    /// have no attention, the epsilon of their normalisations aside.
    protected final GgufMetadata recurrent(ModelConfig config) {
        return new GgufMetadata()
                .text("general.architecture", architecture)
                .u32(architecture + ".context_length", UNBOUNDED)
                .u32(architecture + ".embedding_length", config.width())
                .u32(architecture + ".block_count", config.layers())
                .u32(architecture + ".feed_forward_length", config.feedForward())
                .u32(architecture + ".attention.head_count", 0)
                .u32(architecture + ".wkv.head_size", config.headSize());
    }

    /// `official` with a `head` that is its `embedding`. Owns `official`.
    protected static Checkpoint withHead(Checkpoint official, String embedding, String head) {
        CheckpointView.Builder filled = CheckpointView.of(official);
        official.names().stream().filter(name -> !name.equals(head)).forEach(filled::keep);
        Checkpoint.Entry entry = official.entry(embedding);
        filled.add(
                new Checkpoint.Entry(head, entry.dtype(), entry.shape()),
                (from, _) -> from.tensor(embedding));
        return filled.build();
    }

    /// Vectors stay F32, for llama.cpp computes with them as they are; so does what is stacked of
    /// them. The last matrix is finer than the others, as llama.cpp's own quantiser has it.
    @Override
    public DType type(Checkpoint.Entry entry, DType wanted) {
        if (!isMatrix(entry) || entry.name().contains("lerp") || entry.shape().rank() > 2) {
            return DType.F32;
        }
        if (!wanted.quantised()) {
            return wanted;
        }
        if (isSensitive(entry)) {
            return entry.dtype() == DType.F16 ? DType.F16 : DType.F32;
        }
        if (entry.name().equals("output.weight") && wanted != DType.Q8_0) {
            return entry.shape().size(-1) % DType.Q6_K.blockElements() == 0
                    ? DType.Q6_K
                    : DType.Q8_0;
        }
        return wanted;
    }

    /// Whether a matrix is never quantised.
    protected boolean isSensitive(Checkpoint.Entry entry) {
        return false;
    }
}
