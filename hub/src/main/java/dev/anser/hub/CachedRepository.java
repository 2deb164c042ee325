package dev.anser.hub;

import java.nio.file.Path;
import java.util.List;

/// A repository of which something was pulled.
///
/// @param name `ORG/REPO`
/// @param folder where it is
/// @param files what is complete, of all commits
/// @param bytes what it takes on the disk, parts of unfinished pulls among it
public record CachedRepository(String name, Path folder, List<CachedFile> files, long bytes) {
    /// Copies the list.
    public CachedRepository {
        files = List.copyOf(files);
    }
}
