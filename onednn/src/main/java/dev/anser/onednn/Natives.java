package dev.anser.onednn;

import dev.anser.base.AnserException;
import dev.anser.base.NativeFiles;
import java.io.File;
import java.io.IOException;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/// Finds the libraries of the natives jar and unpacks them into a folder of the user, once.
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
            folder = NativeFiles.unpacked(resource, file, cache).getParent();
        }
        return Objects.requireNonNull(folder, "a platform has files");
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
