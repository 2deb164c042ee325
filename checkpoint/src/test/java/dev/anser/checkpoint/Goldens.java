package dev.anser.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/// Finds files that the tests compare with: small ones beside the tests, all of them in a folder
/// `shared` next to the project where there is one.
final class Goldens {
    private Goldens() {}

    /// A file below `src/test/resources/golden`.
    static Path local(String name) {
        Path path = Path.of("src/test/resources/golden").resolve(name);
        if (!Files.isRegularFile(path)) {
            throw new AssertionError(path.toAbsolutePath() + " is missing");
        }
        return path;
    }

    static byte[] bytes(String name) {
        try (InputStream in =
                Objects.requireNonNull(Goldens.class.getResourceAsStream("/golden/" + name))) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /// A folder or file in `shared`; skips the test where there is none.
    static Path shared(String name) {
        Path folder = Path.of("").toAbsolutePath();
        while (folder != null) {
            Path shared = folder.resolve("shared").resolve(name);
            if (Files.exists(shared)) {
                return shared;
            }
            folder = folder.getParent();
        }
        Assumptions.abort("no shared/" + name + " beside the project");
        throw new AssertionError();
    }

    /// Every file below a folder of `shared` that ends so.
    static Stream<Path> sharedFiles(String folder, String ending) {
        try (Stream<Path> files = Files.walk(shared(folder))) {
            return files
                    .filter(path -> path.toString().endsWith(ending))
                    .sorted()
                    .toList()
                    .stream();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
