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
        small.put("tiny", Sizes.of(2, 64, 32, 0));
        small.put("4l128", Sizes.of(4, 128, HEAD_SIZE, 0));
        small.put("6l256", Sizes.of(6, 256, HEAD_SIZE, 0));
        small.put("6l384", Sizes.of(6, 384, HEAD_SIZE, 0));
        small.put("8l512", Sizes.of(8, 512, HEAD_SIZE, 0));
        return small;
    }

    /// What `model.preset`, or the sizes one by one, say; empty when there is something wrong.
    static Optional<Sizes> read(Settings settings) {
        int vocabulary = settings.integer("model.vocabulary", 0, 1, 1 << 24);
        if (settings.has("model.preset")) {
            String name = settings.text("model.preset");
            Sizes sizes = small().get(name);
            if (sizes == null && Rwkv7Initial.presets().contains(name)) {
                sizes = Rwkv7Initial.preset(name);
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
        Sizes usual = Sizes.of(layers, width, headSize, vocabulary);
        return Optional.of(
                new Sizes(
                        layers,
                        width,
                        headSize,
                        vocabulary,
                        settings.integer("model.decayRank", usual.decayRank(), 1, most),
                        settings.integer("model.rateRank", usual.rateRank(), 1, most),
                        settings.integer("model.valueRank", usual.valueRank(), 1, most),
                        settings.integer("model.gateRank", usual.gateRank(), 1, most)));
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
