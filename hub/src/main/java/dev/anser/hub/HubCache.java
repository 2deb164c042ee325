package dev.anser.hub;

import dev.anser.base.WholeFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/// The models on this machine, in the layout of `huggingface_hub`, which shares them:
///
///     models--ORG--REPO/blobs/<checksum>           the content
///     models--ORG--REPO/refs/main                  the commit that main stood for
///     models--ORG--REPO/snapshots/<commit>/FILE    links to the content
public final class HubCache {
    private static final String PREFIX = "models--";

    private final Path root;

    /// A cache in `root`, which need not exist.
    public HubCache(Path root) {
        this.root = root;
    }

    Path folder(String repository) {
        return root.resolve(PREFIX + repository.replace("/", "--"));
    }

    private Path snapshots(String repository) {
        return folder(repository).resolve("snapshots");
    }

    PullLock lock(String repository, PullListener listener) {
        Path folder = folder(repository).getFileName();
        return PullLock.acquire(root.resolve(".locks").resolve(folder), listener);
    }

    /// The place of the content with `checksum`; its folder is there.
    Path blob(String repository, String checksum) {
        Path blobs = folder(repository).resolve("blobs");
        try {
            return Files.createDirectories(blobs).resolve(checksum);
        } catch (IOException e) {
            throw failure(blobs, e);
        }
    }

    /// Makes `name` of `commit` a link to `blob`, or a copy where there are no links.
    Path link(String repository, String commit, String name, Path blob) {
        Path link = snapshots(repository).resolve(commit).resolve(name);
        Path folder = Objects.requireNonNull(link.getParent());
        try {
            Files.createDirectories(folder);
            Files.deleteIfExists(link);
            try {
                Files.createSymbolicLink(link, folder.relativize(blob));
            } catch (UnsupportedOperationException | FileSystemException e) {
                Files.copy(blob, link, StandardCopyOption.REPLACE_EXISTING);
            }
            return link;
        } catch (IOException e) {
            throw failure(link, e);
        }
    }

    /// Remembers that `revision` stands for `commit`.
    void remember(String repository, String revision, String commit) {
        if (revision.equals(commit)) {
            return;
        }
        Path ref = folder(repository).resolve("refs").resolve(revision);
        try {
            Files.createDirectories(ref.getParent());
        } catch (IOException e) {
            throw failure(ref, e);
        }
        WholeFile.write(
                ref,
                channel -> channel.write(ByteBuffer.wrap(commit.getBytes(StandardCharsets.UTF_8))));
    }

    /// Where `name` is, if it was pulled: a file, or the folder of a model in parts. Without a file
    /// in the name it is that of the weights.
    ///
    /// @throws HubException when several files of weights were pulled and none is named
    public Optional<Path> find(ModelName name, String revision) {
        return snapshot(name.repository(), revision).flatMap(snapshot -> inside(snapshot, name));
    }

    private Optional<Path> inside(Path snapshot, ModelName name) {
        String file = name.file();
        if (file != null) {
            return Optional.of(snapshot.resolve(file)).filter(Files::isRegularFile);
        }
        List<String> names = names(snapshot);
        if (names.stream().noneMatch(FileChoice::isWeights)) {
            return Optional.empty();
        }
        List<String> weights = FileChoice.weights(name.repository(), names);
        Path first = snapshot.resolve(weights.getFirst());
        return Optional.of(weights.size() == 1 ? first : Objects.requireNonNull(first.getParent()));
    }

    /// The folder of the commit that `revision` stood for; for `main` the only one there is when
    /// nothing was remembered.
    private Optional<Path> snapshot(String repository, String revision) {
        SafePath.checkRevision(revision);
        Path snapshots = snapshots(repository);
        try {
            Path ref = folder(repository).resolve("refs").resolve(revision);
            String commit = revision;
            if (Files.isRegularFile(ref) && Files.size(ref) <= 100) {
                commit = Files.readString(ref, StandardCharsets.ISO_8859_1).strip();
            }
            if (SafePath.isCommit(commit)) {
                return Optional.of(snapshots.resolve(commit)).filter(Files::isDirectory);
            }
            List<Path> all = children(snapshots);
            return revision.equals("main") && all.size() == 1
                    ? Optional.of(all.getFirst())
                    : Optional.empty();
        } catch (IOException e) {
            throw failure(snapshots, e);
        }
    }

    private static List<String> names(Path snapshot) {
        return files(snapshot).stream()
                .filter(Files::isRegularFile)
                .map(file -> snapshot.relativize(file).toString().replace('\\', '/'))
                .toList();
    }

    /// All repositories, by name.
    public List<CachedRepository> list() {
        return children(root).stream()
                .filter(folder -> folder.getFileName().toString().startsWith(PREFIX))
                .flatMap(folder -> name(folder).stream())
                .map(this::describe)
                .toList();
    }

    /// One repository, if something of it was pulled.
    public Optional<CachedRepository> repository(String name) {
        return Files.isDirectory(folder(name)) ? Optional.of(describe(name)) : Optional.empty();
    }

    private static Optional<String> name(Path folder) {
        String name = folder.getFileName().toString().substring(PREFIX.length());
        return ModelName.parse(name.replaceFirst("--", "/")).map(ModelName::repository);
    }

    private CachedRepository describe(String name) {
        List<CachedFile> found = new ArrayList<>();
        for (Path snapshot : children(snapshots(name))) {
            for (String file : names(snapshot)) {
                found.add(describe(snapshot, file));
            }
        }
        long bytes = 0;
        for (Path file : files(folder(name))) {
            bytes += Files.isSymbolicLink(file) ? 0 : size(file);
        }
        return new CachedRepository(name, folder(name), found, bytes);
    }

    private static CachedFile describe(Path snapshot, String name) {
        Path path = snapshot.resolve(name);
        String checksum = "";
        if (Files.isSymbolicLink(path)) {
            try {
                checksum = Files.readSymbolicLink(path).getFileName().toString();
            } catch (IOException e) {
                throw failure(path, e);
            }
        }
        return new CachedFile(name, snapshot.getFileName().toString(), path, checksum, size(path));
    }

    /// What removing would delete; removing it is another step, so that it can be named before.
    ///
    /// @param files all of it
    /// @param bytes what that frees
    public record Removal(List<Path> files, long bytes) {}

    /// What removing `name` would delete: all of a repository, or a file in all its commits and its
    /// content, unless another file has the same.
    ///
    /// @throws HubException when there is nothing of that name
    public Removal removal(ModelName name) {
        Path folder = folder(name.repository());
        String file = name.file();
        List<Path> all = files(folder);
        List<Path> gone = new ArrayList<>(all);
        if (file != null) {
            List<Path> links =
                    children(snapshots(name.repository())).stream()
                            .map(snapshot -> snapshot.resolve(file))
                            .filter(path -> Files.exists(path, LinkOption.NOFOLLOW_LINKS))
                            .toList();
            Predicate<Path> isLink = Files::isSymbolicLink;
            List<Path> kept =
                    all.stream()
                            .filter(isLink.and(path -> !links.contains(path)))
                            .map(HubCache::target)
                            .toList();
            gone = new ArrayList<>(links);
            links.stream()
                    .filter(isLink)
                    .map(HubCache::target)
                    .distinct()
                    // A link that leads out of the repository is none of ours.
                    .filter(blob -> blob.startsWith(folder.toAbsolutePath().normalize()))
                    .filter(blob -> Files.isRegularFile(blob) && !kept.contains(blob))
                    .forEach(gone::add);
        }
        if (gone.isEmpty()) {
            throw new HubException(
                    "%s: was not pulled into %s; 'anser list' tells what was"
                            .formatted(name, root));
        }
        long bytes =
                gone.stream()
                        .filter(path -> !Files.isSymbolicLink(path))
                        .mapToLong(HubCache::size)
                        .sum();
        return new Removal(gone, bytes);
    }

    /// Deletes what `removal` names, and folders of the repository that are empty then.
    public void remove(ModelName name, Removal removal, PullListener listener) {
        Path folder = folder(name.repository());
        try (PullLock _ = lock(name.repository(), listener)) {
            for (Path file : removal.files()) {
                Files.deleteIfExists(file);
            }
            deleteEmpty(folder);
        } catch (IOException e) {
            throw failure(folder, e);
        }
    }

    private static void deleteEmpty(Path folder) throws IOException {
        List<Path> folders;
        try (Stream<Path> walk = Files.walk(folder)) {
            folders =
                    walk.filter(path -> Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))
                            .sorted(Comparator.reverseOrder())
                            .toList();
        }
        for (Path inner : folders) {
            if (children(inner).isEmpty()) {
                Files.delete(inner);
            }
        }
    }

    private static Path target(Path link) {
        try {
            return link.toAbsolutePath().resolveSibling(Files.readSymbolicLink(link)).normalize();
        } catch (IOException e) {
            throw failure(link, e);
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw failure(file, e);
        }
    }

    private static List<Path> children(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.sorted().toList();
        } catch (IOException e) {
            throw failure(folder, e);
        }
    }

    /// All files and links below `folder`.
    private static List<Path> files(Path folder) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(path -> !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))
                    .sorted()
                    .toList();
        } catch (UncheckedIOException e) {
            throw failure(folder, Objects.requireNonNull(e.getCause()));
        } catch (IOException e) {
            throw failure(folder, e);
        }
    }

    private static HubException failure(Path where, IOException e) {
        return new HubException(
                where
                        + ": the cache could not be used ("
                        + e
                        + "); check its permissions, or set"
                        + " HF_HUB_CACHE to another folder",
                e);
    }
}
