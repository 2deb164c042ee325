package dev.anser.hub;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Where models come from and where they are kept.
///
/// @param endpoint the hub
/// @param cache the folder of all repositories
/// @param token what proves who pulls; null for nobody
/// @param offline whether nothing may be asked of the hub
/// @param pause how long the first retry waits; each further one waits twice as long
/// @param stall after how long without a byte a connection counts as cut
public record HubSettings(
        URI endpoint,
        Path cache,
        @Nullable String token,
        boolean offline,
        Duration pause,
        Duration stall) {
    private static final Set<String> YES = Set.of("1", "ON", "YES", "TRUE");

    /// Checks the endpoint and the token.
    ///
    /// @throws HubException when it is not an address of the web, or the token cannot be one
    public HubSettings {
        if (endpoint.getHost() == null
                || !("https".equals(endpoint.getScheme()) || "http".equals(endpoint.getScheme()))) {
            throw new HubException(
                    "the endpoint '%s' is not an address; give https://HOST in HF_ENDPOINT"
                            .formatted(endpoint));
        }
        if (token != null && !token.matches("[!-~]+")) {
            throw new HubException("the token holds characters that no token has; check HF_TOKEN");
        }
    }

    /// All but the token, which no log should hold.
    @Override
    public String toString() {
        return endpoint + " into " + cache + (offline ? ", offline" : "");
    }

    /// The settings that Hugging Face's own tools read: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_CACHE`,
    /// `HF_HOME`, `HF_HUB_OFFLINE`.
    ///
    /// @throws HubException when one has no meaning
    public static HubSettings of(Map<String, String> environment) {
        String endpoint = environment.getOrDefault("HF_ENDPOINT", "").strip();
        String token = environment.getOrDefault("HF_TOKEN", "").strip();
        String offline = environment.getOrDefault("HF_HUB_OFFLINE", "");
        return new HubSettings(
                address(endpoint.isEmpty() ? "https://huggingface.co" : endpoint),
                cache(environment),
                token.isEmpty() ? null : token,
                YES.contains(offline.strip().toUpperCase(Locale.ROOT)),
                Duration.ofSeconds(1),
                Duration.ofSeconds(60));
    }

    private static URI address(String text) {
        try {
            return URI.create(text.replaceAll("/+$", ""));
        } catch (IllegalArgumentException e) {
            throw new HubException(
                    "HF_ENDPOINT is '%s', which is not an address; give https://HOST"
                            .formatted(SafePath.printable(text)),
                    e);
        }
    }

    private static Path cache(Map<String, String> environment) {
        String cache = environment.getOrDefault("HF_HUB_CACHE", "");
        if (!cache.isBlank()) {
            return Path.of(cache);
        }
        String home = environment.getOrDefault("HF_HOME", "");
        if (!home.isBlank()) {
            return Path.of(home, "hub");
        }
        String caches = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path folder =
                caches.isBlank()
                        ? Path.of(System.getProperty("user.home", "."), ".cache")
                        : Path.of(caches);
        return folder.resolve("huggingface").resolve("hub");
    }
}
