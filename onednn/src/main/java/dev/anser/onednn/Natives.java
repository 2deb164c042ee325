package dev.anser.onednn;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.net.JarURLConnection;
import java.net.URI;
import java.net.URL;
import java.net.URLConnection;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/// Unpacks the libraries of the natives jar into a folder of the user, once.
///
/// Every start compares length and CRC-32 of each file with the jar's directory, which takes some
/// ten milliseconds; a file that differs is written anew, whole or not at all.
final class Natives {
    private static final String FOLDER = "org/bytedeco/dnnl/";

    private Natives() {}

    /// The folder that holds the files of `platform`, complete and verified.
    ///
    /// @throws AnserException when there is no natives jar for the platform, or no room to unpack
    static Path unpacked(Platform platform, Path cache) {
        Path folder = null;
        for (String file : platform.files()) {
            URL resource =
                    find(platform, file)
                            .orElseThrow(() ->
                                    new AnserException(
                                            "there is no oneDNN for "
                                                    + platform.name()
                                                    + " among the jars ("
                                                    + file
                                                    + " is missing); build Anser on this machine,"
                                                    + " or use ANSER_BACKEND=vector"));
            try {
                Packed packed = Packed.of(resource);
                if (folder == null) {
                    folder = cache.resolve(packed.jar());
                    Files.createDirectories(folder);
                }
                unpack(packed, folder.resolve(file));
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
        return Objects.requireNonNull(folder, "a platform has files");
    }

    /// Where libraries are unpacked: `anser/natives` in the user's folder for caches.
    static Path cache() {
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

    /// On the class path the class loader finds it. On the module path the jar is a module that
    /// nobody requires (it would in turn require Java classes that are not here), so it is looked
    /// for without being resolved.
    private static Optional<URL> find(Platform platform, String file) {
        String name = FOLDER + platform.name() + "/" + file;
        URL onClassPath = ClassLoader.getSystemResource(name);
        if (onClassPath != null) {
            return Optional.of(onClassPath);
        }
        String modulePath = System.getProperty("jdk.module.path", "");
        Path[] jars =
                Arrays.stream(modulePath.split(File.pathSeparator))
                        .filter(entry -> !entry.isEmpty())
                        .map(Path::of)
                        .flatMap(Natives::jars)
                        .toArray(Path[]::new);
        String module = "org.bytedeco.dnnl." + platform.name().replace('-', '.');
        return ModuleFinder.of(jars).find(module).flatMap(reference -> resource(reference, name));
    }

    /// The jars of an entry of the module path that may hold it; the others are not opened.
    private static Stream<Path> jars(Path entry) {
        if (!Files.isDirectory(entry)) {
            return isOurs(entry) ? Stream.of(entry) : Stream.empty();
        }
        try (Stream<Path> files = Files.list(entry)) {
            return files.filter(Natives::isOurs).toList().stream();
        } catch (IOException e) {
            return Stream.empty();
        }
    }

    private static boolean isOurs(Path jar) {
        return jar.getFileName() != null && jar.getFileName().toString().startsWith("dnnl-");
    }

    private static Optional<URL> resource(ModuleReference module, String name) {
        try (ModuleReader reader = module.open()) {
            Optional<URI> uri = reader.find(name);
            return uri.isPresent() ? Optional.of(uri.get().toURL()) : Optional.empty();
        } catch (IOException e) {
            throw new AnserException(module.location() + " cannot be read (" + e + ")", e);
        }
    }
}
