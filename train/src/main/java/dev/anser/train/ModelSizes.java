package dev.anser.train;

import dev.anser.model.rwkv7.Rwkv7Initial;
import dev.anser.model.rwkv7.Rwkv7Initial.Sizes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The sizes of new models.
final class ModelSizes {
    /// The settings that say them one by one.
    static final List<String> NAMES =
            List.of(
                    "model.layers",
                    "model.width",
                    "model.headSize",
                    "model.vocabulary",
                    "model.decayRank",
                    "model.rateRank",
                    "model.valueRank",
                    "model.gateRank");

    private static final int HEAD_SIZE = 64;

    private ModelSizes() {}

    /// Small models; the vocabulary follows from the data.
    private static Map<String, Sizes> small() {
        Map<String, Sizes> small = new LinkedHashMap<>();
        small.put("tiny", sizes(2, 64, 32));
        small.put("4l128", sizes(4, 128, HEAD_SIZE));
        small.put("6l256", sizes(6, 256, HEAD_SIZE));
        small.put("6l384", sizes(6, 384, HEAD_SIZE));
        small.put("8l512", sizes(8, 512, HEAD_SIZE));
        return small;
    }

    private static Sizes sizes(int layers, int width, int headSize) {
        return new Sizes(
                layers,
                width,
                headSize,
                0,
                rank(2.5, width),
                rank(2.5, width),
                rank(1.7, width),
                rank(5, width));
    }

    /// The official width of a low-rank pair: a multiple of 32 near `factor` √C.
    private static int rank(double factor, int width) {
        return (int) Math.max(32, 32 * Math.round(factor * Math.sqrt(width) / 32));
    }

    /// What `model.preset`, or the sizes one by one, say; empty when there is something wrong.
    static Optional<Sizes> read(Settings settings) {
        int vocabulary = settings.integer("model.vocabulary", 0, 1, 1 << 24);
        if (settings.has("model.preset")) {
            String name = settings.text("model.preset");
            Sizes sizes = small().get(name);
            if (sizes == null && Rwkv7Initial.presets().contains(name)) {
                sizes = Rwkv7Initial.preset(name, 0).sizes();
            }
            if (sizes == null) {
                settings.impossible(
                        "model.preset",
                        "is '"
                                + name
                                + "'; expected one of "
                                + String.join(", ", small().keySet())
                                + ", "
                                + String.join(", ", Rwkv7Initial.presets()));
                return Optional.empty();
            }
            return Optional.of(vocabulary == 0 ? sizes : of(sizes, vocabulary));
        }
        int layers = settings.integer("model.layers", 0, 1, 1 << 12);
        int width = settings.integer("model.width", 0, 1, 1 << 16);
        for (String name : List.of("model.layers", "model.width")) {
            if (!settings.has(name)) {
                settings.missing(name);
                return Optional.empty();
            }
        }
        int headSize = settings.integer("model.headSize", HEAD_SIZE, 2, 1 << 10);
        if (width % headSize != 0) {
            settings.impossible(
                    "model.width",
                    "is " + width + "; expected a multiple of model.headSize, " + headSize);
            return Optional.empty();
        }
        int most = 1 << 16;
        return Optional.of(
                new Sizes(
                        layers,
                        width,
                        headSize,
                        vocabulary,
                        settings.integer("model.decayRank", rank(2.5, width), 1, most),
                        settings.integer("model.rateRank", rank(2.5, width), 1, most),
                        settings.integer("model.valueRank", rank(1.7, width), 1, most),
                        settings.integer("model.gateRank", rank(5, width), 1, most)));
    }

    /// `sizes` with another vocabulary.
    static Sizes of(Sizes sizes, int vocabulary) {
        return new Sizes(
                sizes.layers(),
                sizes.width(),
                sizes.headSize(),
                vocabulary,
                sizes.decayRank(),
                sizes.rateRank(),
                sizes.valueRank(),
                sizes.gateRank());
    }
}
