package dev.anser.cli;

/// The `anser` command.
public final class Main {
    private Main() {}

    /// Runs the command line and exits with its code.
    ///
    /// Ctrl-C asks the command to stop and waits until it has: the JVM ends with 130 by itself
    /// after that.
    public static void main(String[] arguments) {
        Console console = Console.ofProcess();
        Interruption interruption = console.interruption();
        Runtime.getRuntime()
                .addShutdownHook(new Thread(interruption::requestAndWait, "anser-stop"));
        int code = Cli.run(console, arguments);
        interruption.finished();
        System.exit(code);
    }

    /// Ends the process at once: nothing is saved, no hook runs.
    static void halt(int code) {
        Runtime.getRuntime().halt(code);
    }
}
