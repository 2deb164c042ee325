package dev.anser.train;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.Checkpoints;
import dev.anser.checkpoint.Safetensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The folder of one training run.
///
///     config.yaml                            the settings, as they were understood
///     checkpoints/step-00001000/
///         model.safetensors                  the weights, for every command that takes a model
///         optimiser.safetensors              moments, position in the data, settings that count
///     model.safetensors                      the weights at the end of the run
///
/// Weights of a Transformer or a RetNet have their `config.json` beside them, in both places.
///
/// A checkpoint takes its name in one step when all of it is on the disk: after a power cut, a full
/// disk or a kill there is either the whole of it or nothing of that name.
///
/// One process at a time may use a folder, which a lock on `lock` sees to.
public final class RunFolder implements AutoCloseable {
    private static final String CONFIG = "config.yaml";
    private static final String LOCK = "lock";
    private static final String MODEL = "model.safetensors";
    private static final String OPTIMISER = "optimiser.safetensors";
    private static final String PREFIX = "step-";
    private static final String PART = ".part";

    /// What a folder that has something in it is used for.
    public enum Use {
        /// Nothing: the run needs a new folder, or an empty one.
        NEW,
        /// The run in it goes on.
        RESUME,
        /// The run in it is deleted.
        FORCE
    }

    private final Path path;
    private final FileChannel lock;

    private RunFolder(Path path, FileChannel lock) {
        this.path = path;
        this.lock = lock;
    }

    /// Opens `path`, creates it where that is right, and locks it.
    ///
    /// @throws TrainingException when there is a run and `use` is `NEW`, when there is none and
    ///   `use` is `RESUME`, when `use` is `FORCE` and what is in the folder is no run, or when
    ///   another process uses the folder
    public static RunFolder open(Path path, Use use) {
        requireUsable(path, use);
        try {
            Files.createDirectories(path);
            FileChannel lock =
                    FileChannel.open(
                            path.resolve(LOCK),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
            if (!locked(lock)) {
                lock.close();
                throw new TrainingException(
                        path + ": another process trains in this folder; wait for it or stop it");
            }
            RunFolder folder = new RunFolder(path, lock);
            if (use == Use.FORCE) {
                folder.clear();
            }
            sweep(path);
            sweep(folder.checkpoints());
            return folder;
        } catch (FileAlreadyExistsException e) {
            throw new TrainingException(
                    path + ": is no folder; give another one with --set run.folder=FOLDER");
        } catch (IOException e) {
            throw failure(path, "the run's folder cannot be used", e);
        }
    }

    /// Checks what [#open(Path, Use)] checks, and changes nothing.
    public static void requireUsable(Path path, Use use) {
        boolean run = Files.isRegularFile(path.resolve(CONFIG));
        switch (use) {
            case NEW -> {
                if (!isEmpty(path)) {
                    throw new TrainingException(
                            path
                                    + ": there is "
                                    + (run ? "a run" : "something")
                                    + " in this folder already; "
                                    + (run
                                            ? "go on with it by --resume, start anew by --force, or"
                                            : "")
                                    + " give another folder with --set run.folder=FOLDER");
                }
            }
            case RESUME -> {
                if (!run) {
                    throw new TrainingException(
                            path
                                    + ": there is no run to resume in this folder; leave out --resume");
                }
            }
            case FORCE -> {
                if (!run && !isEmpty(path)) {
                    throw new TrainingException(
                            path
                                    + ": what is in this folder is no run, so --force does not"
                                    + " delete it; give another folder with --set"
                                    + " run.folder=FOLDER");
                }
            }
        }
    }

    private static boolean isEmpty(Path path) {
        if (!Files.exists(path)) {
            return true;
        }
        try (Stream<Path> files = Files.list(path)) {
            // The lock alone, or half a file: a start that ended before there was anything to keep.
            return files.map(file -> file.getFileName().toString())
                    .allMatch(name -> name.equals(LOCK) || name.endsWith(PART));
        } catch (IOException e) {
            throw failure(path, "the run's folder cannot be read", e);
        }
    }

    private static boolean locked(FileChannel lock) throws IOException {
        try {
            return lock.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    /// The folder.
    public Path path() {
        return path;
    }

    /// Writes the settings.
    void writeConfig(String yaml) {
        WholeFile.write(
                path.resolve(CONFIG),
                channel -> {
                    ByteBuffer bytes = ByteBuffer.wrap(yaml.getBytes(StandardCharsets.UTF_8));
                    while (bytes.hasRemaining()) {
                        channel.write(bytes);
                    }
                });
    }

    /// Writes a checkpoint and deletes all but the last `keep`.
    ///
    /// @return its folder
    /// @throws AnserException when it cannot be written; nothing of it is left, and older ones are
    ///   untouched
    Path save(Learner learner, AdamW optimiser, Saved saved, int keep) {
        Path target =
                checkpoints()
                        .resolve(
                                String.format(
                                        Locale.ROOT, PREFIX + "%08d", saved.progress().step()));
        Path part = checkpoints().resolve(UUID.randomUUID() + PART);
        try {
            Files.createDirectories(checkpoints());
            Files.createDirectory(part);
            learner.save(part.resolve(MODEL));
            Safetensors.write(part.resolve(OPTIMISER), optimiser.moments(), saved.metadata());
            force(part);
            if (Files.exists(target)) {
                // The same step of the same run, before it was resumed from an earlier one.
                delete(target);
            }
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
            force(checkpoints());
        } catch (IOException e) {
            throw failure(target, "the checkpoint could not be written", e);
        } finally {
            deleteQuietly(part);
        }
        List<Path> all = all();
        for (Path old : all.subList(0, Math.max(0, all.size() - keep))) {
            deleteQuietly(old);
        }
        return target;
    }

    /// Writes the weights at the end of the run.
    ///
    /// @return the file
    Path saveModel(Learner learner) {
        Path file = path.resolve(MODEL);
        learner.save(file);
        return file;
    }

    /// The weights of the last checkpoint, when there is one.
    public Optional<Path> lastModel() {
        List<Path> all = all();
        return all.isEmpty() ? Optional.empty() : Optional.of(all.getLast().resolve(MODEL));
    }

    /// What the last checkpoint says of its run, when there is one.
    Optional<Saved> lastSaved() {
        List<Path> all = all();
        if (all.isEmpty()) {
            return Optional.empty();
        }
        Path file = all.getLast().resolve(OPTIMISER);
        try (Checkpoint checkpoint = Checkpoints.open(file)) {
            return Optional.of(Saved.of(file.toString(), checkpoint.metadata()));
        }
    }

    /// Puts the last checkpoint's weights and moments into `learner` and `optimiser`.
    void restore(Learner learner, AdamW optimiser) {
        Path last = all().getLast();
        try (Checkpoint weights = Checkpoints.open(last.resolve(MODEL));
                Checkpoint moments = Checkpoints.open(last.resolve(OPTIMISER))) {
            learner.restore(weights);
            optimiser.resume(
                    moments, Saved.of(moments.source(), moments.metadata()).progress().step());
        }
    }

    /// The checkpoints from the oldest to the newest.
    private List<Path> all() {
        if (!Files.exists(checkpoints())) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(checkpoints())) {
            return files.filter(
                            file -> file.getFileName().toString().matches(PREFIX + "[0-9]{8,18}"))
                    .sorted(Comparator.comparingLong(RunFolder::step))
                    .toList();
        } catch (IOException e) {
            throw failure(path, "the run's checkpoints cannot be read", e);
        }
    }

    private static long step(Path checkpoint) {
        return Long.parseLong(checkpoint.getFileName().toString().substring(PREFIX.length()));
    }

    private Path checkpoints() {
        return path.resolve("checkpoints");
    }

    /// Deletes the run, but for the lock.
    private void clear() throws IOException {
        List<Path> files;
        try (Stream<Path> list = Files.list(path)) {
            files = list.toList();
        }
        // The settings last: without them the folder is no run any more, and could not be cleared.
        List<Path> ordered = new ArrayList<>(files);
        ordered.sort(Comparator.comparing(file -> file.endsWith(CONFIG)));
        for (Path file : ordered) {
            if (!file.endsWith(LOCK)) {
                delete(file);
            }
        }
    }

    /// Deletes what a process that was killed had half written.
    private static void sweep(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            List<Path> halves;
            try (Stream<Path> files = Files.list(folder)) {
                halves =
                        files.filter(file -> file.getFileName().toString().endsWith(PART)).toList();
            }
            halves.forEach(RunFolder::deleteQuietly);
        }
    }

    /// A name is durable when its folder is.
    private static void force(Path folder) throws IOException {
        if (!System.getProperty("os.name", "").startsWith("Windows")) {
            try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    private static void deleteQuietly(Path tree) {
        try {
            if (Files.exists(tree)) {
                delete(tree);
            }
        } catch (IOException e) {
            System.getLogger(RunFolder.class.getName())
                    .log(System.Logger.Level.WARNING, tree + ": could not be deleted", e);
        }
    }

    private static void delete(Path tree) throws IOException {
        Path doomed = tree;
        if (Files.isDirectory(tree) && !tree.getFileName().toString().endsWith(PART)) {
            // Half a checkpoint must not have the name of a whole one.
            doomed = tree.resolveSibling(UUID.randomUUID() + PART);
            Files.move(tree, doomed, StandardCopyOption.ATOMIC_MOVE);
        }
        Files.walkFileTree(
                doomed,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                            throws IOException {
                        Files.delete(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e)
                            throws IOException {
                        Files.delete(folder);
                        return FileVisitResult.CONTINUE;
                    }
                });
    }

    private static TrainingException failure(Path path, String what, IOException e) {
        String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
        return new TrainingException(
                path
                        + ": "
                        + what
                        + " ("
                        + (reason == null ? e.getClass().getSimpleName() : reason)
                        + ")",
                e);
    }

    @Override
    public void close() {
        try {
            lock.close();
        } catch (IOException e) {
            throw failure(path, "the lock cannot be given back", e);
        }
    }

    /// What a checkpoint says beside its numbers.
    ///
    /// @param progress where the run was
    /// @param fingerprint of the data that it learns from
    /// @param settings every setting of the run under its dotted name
    record Saved(TrainingProgress progress, String fingerprint, Map<String, String> settings) {
        private static final String SETTING = "setting.";

        Map<String, String> metadata() {
            Map<String, String> metadata = new TreeMap<>();
            metadata.put("step", Long.toString(progress.step()));
            metadata.put("tokens", Long.toString(progress.tokens()));
            metadata.put("samples", Long.toString(progress.samples()));
            metadata.put(
                    "runningLoss",
                    HexFormat.of().toHexDigits(Double.doubleToLongBits(progress.runningLoss())));
            metadata.put("fingerprint", fingerprint);
            settings.forEach((name, value) -> metadata.put(SETTING + name, value));
            return metadata;
        }

        static Saved of(String source, Map<String, String> metadata) {
            Map<String, String> settings = new TreeMap<>();
            metadata.forEach((name, value) -> {
                if (name.startsWith(SETTING)) {
                    settings.put(name.substring(SETTING.length()), value);
                }
            });
            String loss = metadata.get("runningLoss");
            String fingerprint = metadata.get("fingerprint");
            if (fingerprint == null || loss == null || !loss.matches("[0-9a-f]{16}")) {
                throw new TrainingException(
                        source
                                + ": is no checkpoint of a run; delete its folder to go on from"
                                + " the one before");
            }
            return new Saved(
                    new TrainingProgress(
                            number(source, metadata, "step"),
                            number(source, metadata, "tokens"),
                            number(source, metadata, "samples"),
                            Double.longBitsToDouble(HexFormat.fromHexDigitsToLong(loss))),
                    fingerprint,
                    settings);
        }

        private static long number(String source, Map<String, String> metadata, String name) {
            String value = metadata.getOrDefault(name, "missing");
            if (!value.matches("[0-9]{1,18}")) {
                throw new TrainingException(
                        source + ": " + name + " is " + value + "; expected a whole number");
            }
            return Long.parseLong(value);
        }
    }
}
