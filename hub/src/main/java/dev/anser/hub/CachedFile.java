package dev.anser.hub;

import java.nio.file.Path;

/// A file that was pulled.
///
/// @param name its path in the repository
/// @param commit the commit that it was pulled from
/// @param path where it is
/// @param checksum its SHA-256, or SHA-1 as a blob of git; empty where it is a copy
/// @param bytes its length
public record CachedFile(String name, String commit, Path path, String checksum, long bytes) {}
