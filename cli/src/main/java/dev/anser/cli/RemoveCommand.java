package dev.anser.cli;

import dev.anser.hub.HubCache;
import dev.anser.hub.HubSettings;
import dev.anser.hub.ModelName;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `anser rm`: deletes what was pulled.
@Command(
        name = "rm",
        description = {
            "Deletes a repository that was pulled, or one file of it, and tells what that frees.",
            "Other tools that share the cache lose it too."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser rm BlinkDL/rwkv7-g1 --dry-run"})
final class RemoveCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(paramLabel = "ORG/REPO[:FILE]", description = "What to delete.")
    private String name;

    @Option(names = "--dry-run", description = "Only tell what would be deleted.")
    private boolean dryRun;

    RemoveCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        HubCache cache = new HubCache(HubSettings.of(console.environment()).cache());
        ModelName model = ModelName.of(name);
        HubCache.Removal removal = cache.removal(model);
        removal.files().forEach(file -> console.printLine(file.toString()));
        console.printLine(
                "%s: %s %s in %d files"
                        .formatted(
                                model,
                                dryRun ? "would free" : "frees",
                                Units.bytes(removal.bytes()),
                                removal.files().size()));
        console.out().flush();
        if (!dryRun) {
            try (PullProgress progress = new PullProgress(console)) {
                cache.remove(model, removal, progress);
            }
        }
        return 0;
    }
}
