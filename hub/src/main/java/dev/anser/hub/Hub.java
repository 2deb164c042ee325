package dev.anser.hub;

import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/// Pulls models from a hub into the cache.
///
///     Hub hub = new Hub(HubSettings.of(System.getenv()));
///     Path model = hub.pull(ModelName.of("ORG/REPO"), "main", PullListener.SILENT);
///
/// Every file is checked against its checksum before it gets its name. A pull that ends early is
/// taken up by the next one.
public final class Hub {
    private final HubSettings settings;
    private final HubCache cache;

    /// A hub with the cache that `settings` name.
    public Hub(HubSettings settings) {
        this.settings = settings;
        this.cache = new HubCache(settings.cache());
    }

    /// The models that were pulled.
    public HubCache cache() {
        return cache;
    }

    /// Pulls `name` at `revision` (a branch, a tag or a commit) and tells where it is: the file, or
    /// the folder of a model in parts. Without a file in the name the weights are chosen; with
    /// weights come the settings and tokenizers at the top of the repository.
    ///
    /// @throws HubException when it cannot be had whole and right, or the choice is not clear
    public Path pull(ModelName name, String revision, PullListener listener) {
        SafePath.checkRevision(revision);
        if (settings.offline()) {
            return cache.find(name, revision).orElseThrow(() -> absent(name, revision));
        }
        try (PullLock _ = cache.lock(name.repository(), listener);
                HubClient client = new HubClient(settings)) {
            Retries retries = new Retries(name.toString(), settings.pause(), listener);
            Listing listing = retries.run(() -> client.listing(name.repository(), revision));
            List<String> wanted = wanted(name, listing);
            Set<String> files = new LinkedHashSet<>(wanted);
            if (FileChoice.isWeights(wanted.getFirst())) {
                files.addAll(FileChoice.companions(wanted, listing.files()));
            }
            List<Path> paths =
                    files.stream()
                            .map(file ->
                                    pull(
                                            client,
                                            name.repository(),
                                            listing.commit(),
                                            file,
                                            listener))
                            .toList();
            cache.remember(name.repository(), revision, listing.commit());
            Path first = paths.getFirst();
            return wanted.size() == 1 ? first : Objects.requireNonNull(first.getParent());
        }
    }

    private static List<String> wanted(ModelName name, Listing listing) {
        String file = name.file();
        if (file == null) {
            return FileChoice.weights(name.repository(), listing.files());
        }
        if (!listing.files().contains(file)) {
            throw new HubException(
                    "%s: holds no file '%s'; it holds %s"
                            .formatted(name.repository(), file, shown(listing.files())));
        }
        return List.of(file);
    }

    private static String shown(List<String> files) {
        List<String> weights = files.stream().filter(FileChoice::isWeights).limit(20).toList();
        return weights.isEmpty() ? files.size() + " others" : String.join(", ", weights);
    }

    private Path pull(
            HubClient client,
            String repository,
            String commit,
            String file,
            PullListener listener) {
        Retries retries = new Retries(repository + ":" + file, settings.pause(), listener);
        RemoteFile remote = retries.run(() -> client.file(repository, commit, file));
        Path blob = cache.blob(repository, remote.etag());
        Download.into(blob, remote, client, settings, listener);
        return cache.link(repository, commit, file, blob);
    }

    private static HubException absent(ModelName name, String revision) {
        return new HubException(
                "%s at %s: was not pulled, and HF_HUB_OFFLINE forbids to ask the hub; unset it"
                        .formatted(name, revision));
    }
}
