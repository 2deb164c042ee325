package dev.anser.onednn;

import java.util.List;
import java.util.Locale;

/// Where the natives of one operating system and processor lie in the jar, and what they are
/// called: first the OpenMP runtime, then oneDNN, which needs it.
///
/// @param name as the jar's classifier says it
/// @param files to be unpacked into one folder, in the order to load them
/// @param openMp the one with `omp_set_num_threads`; a file, or a library of the system
record Platform(String name, List<String> files, String openMp) {
    static Platform here() {
        return of(System.getProperty("os.name", ""), System.getProperty("os.arch", ""));
    }

    static Platform of(String system, String processor) {
        String lower = system.toLowerCase(Locale.ROOT);
        String cpu =
                switch (processor) {
                    case "amd64", "x86_64" -> "x86_64";
                    case "aarch64", "arm64" -> "arm64";
                    default -> processor;
                };
        if (lower.startsWith("mac")) {
            String openMp = cpu.equals("arm64") ? "libomp.dylib" : "libiomp5.dylib";
            return new Platform("macosx-" + cpu, List.of(openMp, "libdnnl.3.dylib"), openMp);
        }
        if (lower.startsWith("windows")) {
            return new Platform("windows-" + cpu, List.of("dnnl.dll"), "vcomp140.dll");
        }
        return new Platform(
                lower + "-" + cpu, List.of("libgomp.so.1", "libdnnl.so.3"), "libgomp.so.1");
    }

    String library() {
        return files.getLast();
    }
}
