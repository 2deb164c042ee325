package dev.anser.cli;

import dev.anser.base.AnserException;
import dev.anser.data.Binidx;
import dev.anser.data.MagicPrime;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser data info`: what binidx data is.
@Command(
        name = "info",
        description = "Shows what PREFIX.bin and PREFIX.idx hold, having checked every number.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser data info stories --context 512"})
final class DataInfoCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(paramLabel = "PREFIX", description = "The files, without .bin and .idx.")
    private Path prefix;

    @Option(
            names = "--context",
            paramLabel = "T",
            description = "Also show the magic prime for samples of T tokens.")
    private @Nullable Integer context;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    DataInfoCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (context != null && context < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--context is " + context + "; expected 1 or more");
        }
        Path base = Binidx.prefix(prefix);
        try (Binidx data = Binidx.open(base)) {
            int largest = data.largest();
            Map<String, String> digests = digests(base);
            long prime = context == null ? 0 : MagicPrime.of(data.size(), context);
            String type = data.type().name().toLowerCase(Locale.ROOT);
            if (json) {
                Json.print(
                        console,
                        out -> {
                            out.writeNumberProperty("documents", data.documents());
                            out.writeNumberProperty("tokens", data.size());
                            out.writeNumberProperty("largest_token", largest);
                            out.writeStringProperty("dtype", type);
                            if (context != null) {
                                out.writeNumberProperty("context", context);
                                if (prime < 0) {
                                    out.writeNullProperty("magic_prime");
                                } else {
                                    out.writeNumberProperty("magic_prime", prime);
                                }
                            }
                            digests.forEach((name, value) ->
                                    out.writeStringProperty(name + "_sha256", value));
                        });
                return 0;
            }
            Map<String, String> rows = new LinkedHashMap<>();
            rows.put("documents", Units.count(data.documents()));
            rows.put("tokens", Units.count(data.size()));
            rows.put("largest token", Integer.toString(largest));
            rows.put("type", type);
            if (context != null) {
                rows.put(
                        "magic prime",
                        prime < 0
                                ? "none: fewer than three samples of " + context + " tokens"
                                : prime + " for context " + context);
            }
            digests.forEach((name, value) -> rows.put("." + name + " SHA-256", value));
            Table.print(console, rows);
        }
        return 0;
    }

    private Map<String, String> digests(Path base) {
        Map<String, String> digests = new LinkedHashMap<>();
        List<Path> files = List.of(Binidx.binFile(base), Binidx.idxFile(base));
        try (InputProgress progress = InputProgress.start(console, "hash", files, List.of())) {
            digests.put("bin", digest(files.get(0), progress));
            digests.put("idx", digest(files.get(1), progress));
        }
        return digests;
    }

    private static String digest(Path file, InputProgress progress) {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 20];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                digest.update(buffer, 0, read);
                progress.accept(read);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            throw new AnserException(file + ": cannot be read (" + e.getMessage() + ")", e);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
