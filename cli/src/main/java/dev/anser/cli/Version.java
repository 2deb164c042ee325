package dev.anser.cli;

import dev.anser.tensor.Backends;
import java.util.Optional;
import picocli.CommandLine.IVersionProvider;

/// What `--version` prints: Anser, the JDK, the backend.
final class Version implements IVersionProvider {
    Version() {}

    /// The version of Anser, from the module or the jar that this class is in.
    static String ofAnser() {
        return Optional.ofNullable(Version.class.getModule().getDescriptor())
                .flatMap(descriptor -> descriptor.rawVersion())
                .or(() ->
                        Optional.ofNullable(Version.class.getPackage().getImplementationVersion()))
                .orElse("development");
    }

    /// The JDK's version and vendor.
    static String ofJava() {
        return Runtime.version() + " (" + System.getProperty("java.vendor") + ")";
    }

    @Override
    public String[] getVersion() {
        return new String[] {
            "anser " + ofAnser(), "Java " + ofJava(), "backend " + Backends.choose().description()
        };
    }
}
