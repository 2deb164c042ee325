package dev.anser.hub;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The name of a repository, or of one file in it: `ORG/REPO` or `ORG/REPO:FILE`.
///
/// @param repository `ORG/REPO`
/// @param file the file's path in the repository; null when none is named
public record ModelName(String repository, @Nullable String file) {
    private static final Pattern PART = Pattern.compile("\\w(?:[\\w.-]{0,94}\\w)?");

    /// Short names of models that are known well.
    private static final Map<String, String> SHORT =
            Map.of(
                    "g1-0.1b", "BlinkDL/rwkv7-g1:rwkv7-g1d-0.1b-20260129-ctx8192.pth",
                    "g1-0.4b", "BlinkDL/rwkv7-g1:rwkv7-g1d-0.4b-20260210-ctx8192.pth",
                    "g1-1.5b", "BlinkDL/rwkv7-g1:rwkv7-g1d-1.5b-20260212-ctx8192.pth",
                    "g1-2.9b", "BlinkDL/rwkv7-g1:rwkv7-g1d-2.9b-20260131-ctx8192.pth",
                    "g1-7.2b", "BlinkDL/rwkv7-g1:rwkv7-g1d-7.2b-20260131-ctx8192.pth");

    /// Checks both parts.
    ///
    /// @throws HubException when one is not what a hub allows
    public ModelName {
        if (!isRepository(repository)) {
            throw new HubException(
                    "'%s' is not the name of a repository; give ORG/REPO or ORG/REPO:FILE"
                            .formatted(repository));
        }
        if (file != null) {
            SafePath.check(file, repository);
        }
    }

    /// The name that `text` is, a short one among them.
    ///
    /// @throws HubException when it is none
    public static ModelName of(String text) {
        String full = SHORT.getOrDefault(text, text);
        int colon = full.indexOf(':');
        return colon < 0
                ? new ModelName(full, null)
                : new ModelName(full.substring(0, colon), full.substring(colon + 1));
    }

    /// The name that `text` is, if it is one.
    public static Optional<ModelName> parse(String text) {
        try {
            return Optional.of(of(text));
        } catch (HubException e) {
            return Optional.empty();
        }
    }

    private static boolean isRepository(String text) {
        String[] parts = text.split("/", -1);
        return parts.length == 2
                && PART.matcher(parts[0]).matches()
                && PART.matcher(parts[1]).matches()
                && !text.contains("--")
                && !text.contains("..");
    }

    @Override
    public String toString() {
        return file == null ? repository : repository + ":" + file;
    }
}
