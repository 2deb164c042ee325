package dev.anser.cli;

import dev.anser.hub.CachedFile;
import dev.anser.hub.CachedRepository;
import dev.anser.hub.HubCache;
import dev.anser.hub.HubSettings;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.core.JsonGenerator;

/// `anser list`: the models that were pulled.
@Command(
        name = "list",
        description = "Lists the models that were pulled, by anser or by Hugging Face's tools.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser list"})
final class ListCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    ListCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        HubSettings settings = HubSettings.of(console.environment());
        List<CachedRepository> repositories = new HubCache(settings.cache()).list();
        if (json) {
            Json.print(
                    console,
                    out -> {
                        out.writeArrayPropertyStart("repositories");
                        repositories.forEach(repository -> write(out, repository));
                        out.writeEndArray();
                    });
            return 0;
        }
        for (CachedRepository repository : repositories) {
            console.printLine(repository.name() + "  " + Units.bytes(repository.bytes()));
            for (CachedFile file : repository.files()) {
                console.printLine("  " + file.name() + "  " + Units.bytes(file.bytes()));
            }
        }
        if (repositories.isEmpty()) {
            console.err().println("anser: nothing was pulled into " + settings.cache());
        }
        return 0;
    }

    private static void write(JsonGenerator out, CachedRepository repository) {
        out.writeStartObject();
        out.writeStringProperty("name", repository.name());
        out.writeNumberProperty("bytes", repository.bytes());
        out.writeArrayPropertyStart("files");
        for (CachedFile file : repository.files()) {
            out.writeStartObject();
            out.writeStringProperty("name", file.name());
            out.writeStringProperty("commit", file.commit());
            out.writeStringProperty("path", file.path().toString());
            out.writeNumberProperty("bytes", file.bytes());
            out.writeEndObject();
        }
        out.writeEndArray();
        out.writeEndObject();
    }
}
