package dev.anser.cli;

import dev.anser.hub.Hub;
import dev.anser.hub.HubSettings;
import dev.anser.hub.ModelName;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `anser pull`: a model from a hub.
@Command(
        name = "pull",
        description = {
            "Pulls a model from Hugging Face, or a hub like it, and prints its path.",
            "Every file is checked against its checksum. A pull that was stopped goes on where it was."
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Environment: HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE.",
            "",
            "Examples:",
            "  anser pull g1-0.1b",
            "  anser pull BlinkDL/rwkv7-g1:rwkv7-g1d-0.4b-20260210-ctx8192.pth"
        })
final class PullCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(
            paramLabel = "ORG/REPO[:FILE]",
            description =
                    "What to pull; without FILE the weights, with its settings and tokenizer. Short"
                            + " names: g1-0.1b, g1-0.4b, g1-1.5b, g1-2.9b, g1-7.2b.")
    private String name;

    @Option(
            names = "--revision",
            paramLabel = "REV",
            defaultValue = "main",
            description = "A branch, a tag or a commit. Default: ${DEFAULT-VALUE}.")
    private String revision;

    PullCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        Hub hub = new Hub(HubSettings.of(console.environment()));
        Path path;
        try (PullProgress progress = new PullProgress(console)) {
            path = hub.pull(ModelName.of(name), revision, progress);
        }
        console.printLine(path.toString());
        return 0;
    }
}
