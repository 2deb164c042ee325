package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// The readers that are fuzzed, each with its seeds and the one property that must hold for every
/// input: it opens and everything in it reads, or it is refused with one line that names the file.
/// Any other exception is a bug.
enum Reader {
    SAFETENSORS,
    TORCH_ZIP,
    PICKLE,
    LEGACY,
    RWKV_CPP,
    GGUF,
    CONFIGURATION,
    INDEX,
    NPY;

    List<byte[]> seeds() {
        Stream<byte[]> seeds =
                switch (this) {
                    case SAFETENSORS -> Seeds.safetensors();
                    case TORCH_ZIP -> Seeds.torchZip();
                    case PICKLE -> Seeds.pickle();
                    case LEGACY -> Seeds.legacy();
                    case RWKV_CPP -> Seeds.rwkvCpp();
                    case GGUF -> Seeds.gguf();
                    case CONFIGURATION -> Seeds.configuration();
                    case INDEX -> Seeds.index();
                    case NPY -> Seeds.npy();
                };
        return seeds.toList();
    }

    /// Reads `input` and returns whether it was accepted.
    boolean accepts(byte[] input) {
        try {
            switch (this) {
                case PICKLE -> Memory.readAll(Seeds.zip(input));
                case CONFIGURATION -> JsonValues.object(made(input));
                case INDEX -> {
                    for (String shard : ShardIndex.read(made(input)).shards()) {
                        Path inside = Path.of("folder").resolve(shard).normalize();
                        if (!Path.of("folder").equals(inside.getParent())) {
                            throw new AssertionError("a shard outside the folder: " + inside);
                        }
                    }
                }
                case NPY -> {
                    NpyArray array = Npy.read(MemorySegment.ofArray(input), "made.bin");
                    if (array.doubles().length != array.shape().elements()) {
                        throw new AssertionError("an array of another size than its shape");
                    }
                }
                default -> Memory.readAll(input);
            }
            return true;
        } catch (AnserException e) {
            String message = e.getMessage();
            if (!message.startsWith("made.bin: ") || message.lines().count() != 1) {
                throw new AssertionError("not one line that names the file: " + message, e);
            }
            return false;
        }
    }

    private static FileBytes made(byte[] input) {
        return new FileBytes("made.bin", MemorySegment.ofArray(input));
    }
}
