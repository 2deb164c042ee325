package dev.anser.hub;

import java.net.URI;
import java.util.regex.Pattern;

/// One file of a hub.
///
/// @param name its path in the repository
/// @param address where it is
/// @param etag its SHA-256, or for a small file its SHA-1 as a blob of git, in hexadecimal
/// @param size its length in bytes
record RemoteFile(String name, URI address, String etag, long size) {
    private static final Pattern CHECKSUM = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");

    RemoteFile {
        if (!CHECKSUM.matcher(etag).matches()) {
            throw new HubException(
                    "%s: the hub tells '%s' for its checksum, expected 40 or 64 hexadecimal digits; check HF_ENDPOINT"
                            .formatted(name, SafePath.printable(etag)));
        }
        if (size < 0) {
            throw new HubException(
                    name + ": the hub does not tell how long it is; check HF_ENDPOINT");
        }
    }
}
