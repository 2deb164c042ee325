package dev.anser.hub;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// The checksum of a file while its bytes arrive.
final class Checksum {
    private final RemoteFile file;
    private final MessageDigest digest;

    Checksum(RemoteFile file) {
        this.file = file;
        this.digest = digest(isGit() ? "SHA-1" : "SHA-256");
        restart();
    }

    private boolean isGit() {
        return file.etag().length() == 40;
    }

    private static MessageDigest digest(String algorithm) {
        try {
            return MessageDigest.getInstance(algorithm);
        } catch (NoSuchAlgorithmException e) {
            throw new HubException("this Java runtime cannot compute " + algorithm, e);
        }
    }

    /// Forgets all bytes.
    void restart() {
        digest.reset();
        if (isGit()) {
            digest.update(("blob " + file.size() + "\0").getBytes(StandardCharsets.UTF_8));
        }
    }

    /// Adds what `bytes` has left.
    void add(ByteBuffer bytes) {
        digest.update(bytes);
    }

    /// The checksum of all bytes so far, which are forgotten.
    String finish() {
        return HexFormat.of().formatHex(digest.digest());
    }
}
