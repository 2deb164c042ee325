package dev.anser.tensor;

import dev.anser.base.AnserException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.ServiceLoader;

/// Every backend there is, and the choice among them.
///
/// `ANSER_BACKEND` forces one by name; otherwise the available one of the highest rank is taken.
/// The choice is logged once.
public final class Backends {
    private static final System.Logger LOG = System.getLogger("dev.anser.tensor");

    private Backends() {}

    /// The backend that `ANSER_BACKEND` names, or the best one that is available.
    ///
    /// @throws AnserException when the named one does not exist or cannot run here
    public static Backend choose() {
        return choose(Comparator.comparingInt(Backend::rank));
    }

    /// The backend to train with: the one that `ANSER_BACKEND` names, or the available one of the
    /// highest [Backend#trainingRank()].
    ///
    /// @throws AnserException when the named one does not exist or cannot run here
    public static Backend chooseForTraining() {
        return choose(Comparator.comparingInt(Backend::trainingRank));
    }

    private static Backend choose(Comparator<Backend> order) {
        String forced = System.getenv("ANSER_BACKEND");
        return forced == null || forced.isBlank()
                ? best(order)
                : named(forced.strip().toLowerCase(Locale.ROOT));
    }

    /// The backend called `name`.
    ///
    /// @throws AnserException when it does not exist or cannot run here
    public static Backend named(String name) {
        List<Backend> all = all();
        for (Backend backend : all) {
            if (backend.name().equals(name)) {
                Optional<String> reason = backend.unavailable();
                if (reason.isPresent()) {
                    throw new AnserException(
                            "backend '" + name + "' cannot run here: " + reason.get());
                }
                return backend;
            }
        }
        throw new AnserException(
                "there is no backend '"
                        + name
                        + "'; expected one of "
                        + all.stream().map(Backend::name).toList());
    }

    private static Backend best(Comparator<Backend> order) {
        for (Backend backend : all().stream().sorted(order.reversed()).toList()) {
            Optional<String> reason = backend.unavailable();
            if (reason.isEmpty()) {
                LOG.log(System.Logger.Level.DEBUG, "computing with {0}", backend.description());
                return backend;
            }
            LOG.log(
                    System.Logger.Level.WARNING,
                    "not using {0}: {1}",
                    backend.name(),
                    reason.get());
        }
        throw new IllegalStateException("the scalar backend is always available");
    }

    /// All backends, those of the highest rank first, available or not.
    public static List<Backend> all() {
        List<Backend> all = new ArrayList<>();
        all.add(new ScalarBackend());
        all.add(new VectorBackend());
        ServiceLoader.load(Backend.class).forEach(all::add);
        all.sort(Comparator.comparingInt(Backend::rank).reversed());
        return List.copyOf(all);
    }
}
