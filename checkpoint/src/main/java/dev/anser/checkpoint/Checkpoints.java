package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Opens model files of every format that Anser reads; which one it is, the content says and not
/// the name.
///
/// ```java
/// try (Checkpoint checkpoint = Checkpoints.open(Path.of("model.pth"))) {
///     Tensor embedding = checkpoint.tensor("emb.weight");
/// }
/// ```
public final class Checkpoints {
    private static final String KNOWN =
            "expected .pth, .safetensors, .gguf, rwkv.cpp .bin or a folder with one";

    private Checkpoints() {}

    /// Opens the file at `path`, or the model in the folder there as [ModelFolder] has it: maps it
    /// and reads its table. It must not change while it is open.
    ///
    /// @throws ModelFormatException when the content is none of the known formats, or not what its
    ///   format says
    /// @throws AnserException when there is no such file or it cannot be read
    public static Checkpoint open(Path path) {
        return Files.isDirectory(path)
                ? ModelFolder.open(path)
                : openFile(path, Configuration.beside(path));
    }

    static Checkpoint openFile(Path path, Configuration configuration) {
        String source = path.toString();
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new AnserException(source + ": is not a regular file, " + KNOWN);
        }
        Arena arena = Arena.ofShared();
        boolean opened = false;
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            MemorySegment bytes =
                    size == 0
                            ? MemorySegment.NULL
                            : channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            Checkpoint checkpoint = read(new FileBytes(source, bytes), arena, configuration);
            opened = true;
            return checkpoint;
        } catch (IOException e) {
            throw unreadable(path, e);
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    /// Opens a model that is in memory already, a resource of a jar for example.
    ///
    /// @param bytes the whole file, native memory, borrowed: the caller frees it, after closing the
    ///   checkpoint
    /// @param source the name errors use
    /// @throws ModelFormatException when the content is none of the known formats, or not what its
    ///   format says
    public static Checkpoint open(MemorySegment bytes, String source) {
        if (!bytes.isNative()) {
            throw new AnserException(
                    source + ": a checkpoint needs native memory, not a segment on the Java heap");
        }
        Arena arena = Arena.ofShared();
        boolean opened = false;
        try {
            Checkpoint checkpoint = read(new FileBytes(source, bytes), arena, Configuration.none());
            opened = true;
            return checkpoint;
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    static AnserException unreadable(Path path, IOException e) {
        String problem =
                switch (e) {
                    case NoSuchFileException _ -> "there is no such file; check the path";
                    case AccessDeniedException _ -> "may not be read; check its permissions";
                    default -> "could not be read (" + e.getMessage() + ")";
                };
        return new AnserException(path + ": " + problem, e);
    }

    private static Checkpoint read(FileBytes file, Arena arena, Configuration configuration) {
        return new FileCheckpoint(file, arena, table(file), configuration);
    }

    private static FileCheckpoint.Table table(FileBytes file) {
        if (file.size() == 0) {
            throw file.error("is empty, " + KNOWN);
        }
        if (ZipDirectory.startsZip(file)) {
            return TorchZip.read(file);
        }
        if (GgufTable.matches(file)) {
            return GgufTable.read(file);
        }
        if (RwkvCppTable.matches(file)) {
            return RwkvCppTable.read(file);
        }
        if (TorchLegacy.matches(file)) {
            return TorchLegacy.read(file);
        }
        if (SafetensorsTable.matches(file)) {
            return SafetensorsTable.read(file);
        }
        if (starts(file, "version https://git-lfs")) {
            throw file.error(
                    "is a Git LFS pointer, not the model itself; fetch it with 'git lfs pull'");
        }
        throw file.error("is not a model file, " + KNOWN);
    }

    private static boolean starts(FileBytes file, String magic) {
        byte[] expected = magic.getBytes(StandardCharsets.US_ASCII);
        return file.size() >= expected.length
                && file.segment()
                                .asSlice(0, expected.length)
                                .mismatch(MemorySegment.ofArray(expected))
                        < 0;
    }
}
