package dev.anser.cli;

import dev.anser.hub.HubCache;
import dev.anser.hub.HubException;
import dev.anser.hub.HubSettings;
import dev.anser.hub.ModelName;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// What a MODEL argument names: a file, or when there is none a model that was pulled.
final class ModelPath implements ITypeConverter<Path> {
    private final Console console;

    ModelPath(Console console) {
        this.console = console;
    }

    /// Makes the converters that need the console.
    static CommandLine.IFactory factory(Console console) {
        CommandLine.IFactory other = CommandLine.defaultFactory();
        return new CommandLine.IFactory() {
            @Override
            public <K> K create(Class<K> type) throws Exception {
                return type == ModelPath.class
                        ? type.cast(new ModelPath(console))
                        : other.create(type);
            }
        };
    }

    @Override
    public Path convert(String value) {
        Path path = Path.of(value);
        if (Files.exists(path)) {
            return path;
        }
        try {
            return ModelName.parse(value).flatMap(this::pulled).orElse(path);
        } catch (HubException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }

    private Optional<Path> pulled(ModelName name) {
        HubSettings settings = HubSettings.of(console.environment());
        return new HubCache(settings.cache()).find(name, "main");
    }
}
