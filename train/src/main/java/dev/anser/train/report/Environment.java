package dev.anser.train.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;

/// Where a run ran.
public final class Environment {
    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    private Environment() {}

    /// The Java runtime, the system and the processor, under readable names; the caller may add
    /// lines of its own, the backend for one.
    public static Map<String, String> here() {
        Map<String, String> environment = new LinkedHashMap<>();
        Runtime runtime = Runtime.getRuntime();
        environment.put("java", System.getProperty("java.vm.name", "?") + " " + Runtime.version());
        environment.put("system", property("os.name") + " " + property("os.version"));
        environment.put("processor", processor());
        environment.put("processors", Integer.toString(runtime.availableProcessors()));
        environment.put("heap", (runtime.maxMemory() >> 20) + " MiB at most");
        return environment;
    }

    private static String property(String name) {
        return System.getProperty(name, "?");
    }

    private static String processor() {
        String architecture = property("os.arch");
        if (!Files.isReadable(PROCESSORS)) {
            return architecture;
        }
        try (Stream<String> lines = Files.lines(PROCESSORS, StandardCharsets.ISO_8859_1)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .map(name -> name + " (" + architecture + ")")
                    .orElse(architecture);
        } catch (IOException | UncheckedIOException e) {
            // The name is a comfort; a system that hides it is still a system.
            return architecture;
        }
    }
}
