package dev.anser.base;

import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32;

/// Unpacks native libraries out of jars into a folder of the user, once.
///
/// Every start compares length and CRC-32 of a file with the jar's directory, which takes some ten
/// milliseconds; a file that differs is written anew, whole or not at all.
public final class NativeFiles {
    private NativeFiles() {}

    /// Where libraries are unpacked: `anser/natives` in the user's folder for caches.
    public static Path cache() {
        String chosen = System.getenv("XDG_CACHE_HOME");
        if (chosen != null && !chosen.isBlank()) {
            return Path.of(chosen, "anser", "natives");
        }
        Path home = Path.of(System.getProperty("user.home", "."));
        String system = System.getProperty("os.name", "");
        String local = System.getenv("LOCALAPPDATA");
        if (system.startsWith("Windows") && local != null) {
            return Path.of(local, "anser", "natives");
        }
        return system.startsWith("Mac")
                ? home.resolve("Library/Caches/anser/natives")
                : home.resolve(".cache/anser/natives");
    }

    /// The file `name`, complete and verified, in a folder of `cache` that is named after the jar
    /// of `resource`.
    ///
    /// @throws AnserException when there is no room to unpack, or the jar is damaged
    public static Path unpacked(URL resource, String name, Path cache) {
        try {
            Packed packed = Packed.of(resource);
            Path target = Files.createDirectories(cache.resolve(packed.jar())).resolve(name);
            unpack(packed, target);
            return target;
        } catch (IOException e) {
            throw new AnserException(
                    resource
                            + " cannot be unpacked into "
                            + cache
                            + " ("
                            + e
                            + "); point XDG_CACHE_HOME at a folder that can be written",
                    e);
        }
    }

    private record Packed(URL resource, String jar, long length, long checksum) {
        static Packed of(URL resource) throws IOException {
            URLConnection connection = resource.openConnection();
            if (connection instanceof JarURLConnection jar) {
                String path = jar.getJarFileURL().getPath();
                return new Packed(
                        resource,
                        path.substring(path.lastIndexOf('/') + 1).replaceAll("\\.jar$", ""),
                        jar.getJarEntry().getSize(),
                        jar.getJarEntry().getCrc());
            }
            throw new IOException("it is not in a jar");
        }
    }

    private static void unpack(Packed packed, Path target) throws IOException {
        if (verified(packed, target)) {
            return;
        }
        WholeFile.write(
                target,
                channel -> {
                    try (InputStream in = packed.resource().openStream()) {
                        in.transferTo(Channels.newOutputStream(channel));
                    }
                });
        if (!verified(packed, target)) {
            throw new IOException("the jar is damaged: another checksum than its directory says");
        }
    }

    private static boolean verified(Packed packed, Path file) throws IOException {
        if (!Files.isRegularFile(file) || Files.size(file) != packed.length()) {
            return false;
        }
        CRC32 checksum = new CRC32();
        ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            while (channel.read(buffer.clear()) >= 0) {
                checksum.update(buffer.flip());
            }
        }
        return checksum.getValue() == packed.checksum();
    }
}
