package dev.anser.cli;

/// The `anser` command.
public final class Main {
    private Main() {}

    /// Runs the command line and exits with its code.
    public static void main(String[] arguments) {
        System.exit(2);
    }
}
