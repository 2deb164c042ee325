package dev.anser.cli;

import dev.anser.hub.CachedFile;
import dev.anser.hub.CachedRepository;
import dev.anser.hub.HubCache;
import dev.anser.hub.HubException;
import dev.anser.hub.HubSettings;
import dev.anser.hub.ModelName;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/// `anser show`: where a pulled model is, and what is known about its files.
@Command(
        name = "show",
        description = "Tells where a model that was pulled is, and what is known about its files.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser show BlinkDL/rwkv7-g1"})
final class ShowCommand implements Callable<Integer> {
    private final Console console;

    @Parameters(paramLabel = "ORG/REPO[:FILE]", description = "What was pulled.")
    private String name;

    ShowCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        HubSettings settings = HubSettings.of(console.environment());
        ModelName model = ModelName.of(name);
        CachedRepository repository =
                new HubCache(settings.cache())
                        .repository(model.repository())
                        .orElseThrow(() -> absent(model));
        List<CachedFile> files =
                repository.files().stream()
                        .filter(file -> model.file() == null || file.name().equals(model.file()))
                        .toList();
        if (model.file() != null && files.isEmpty()) {
            throw absent(model);
        }
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("repository", repository.name());
        rows.put("folder", repository.folder().toString());
        rows.put("on disk", Units.bytes(repository.bytes()));
        Table.print(console, rows);
        for (CachedFile file : files) {
            rows.clear();
            rows.put("file", file.name());
            rows.put("path", file.path().toString());
            rows.put("commit", file.commit());
            rows.put("bytes", Long.toString(file.bytes()));
            if (!file.checksum().isEmpty()) {
                rows.put("checksum", file.checksum());
            }
            console.printLine("");
            Table.print(console, rows);
        }
        return 0;
    }

    private static HubException absent(ModelName model) {
        return new HubException(model + ": was not pulled; 'anser pull " + model + "' pulls it");
    }
}
