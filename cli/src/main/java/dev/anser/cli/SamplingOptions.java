package dev.anser.cli;

import dev.anser.generate.SamplerSettings;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// How the next token is drawn; what is not given has the default of the model at hand.
final class SamplingOptions {
    @Option(
            names = "--temperature",
            paramLabel = "T",
            description =
                    "0 (always the most probable token) to 100. Default: 1 (embedded model: 0.9).")
    private @Nullable Double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description =
                    "Keep the most probable tokens that together have this probability, 0 to 1."
                            + " Default: 0.85 (embedded model: 1).")
    private @Nullable Double topP;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Keep as many of the most probable tokens; 0 keeps all. Default: 0.")
    private @Nullable Integer topK;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description =
                    "Keep tokens that are at least this probable relative to the most probable one,"
                            + " 0 to 1. Default: 0 (embedded model: 0.25).")
    private @Nullable Double minP;

    @Option(
            names = "--presence",
            paramLabel = "A",
            description =
                    "Taken from the logit of every token that was drawn before, -100 to 100. Default: 0.")
    private @Nullable Double presence;

    @Option(
            names = "--frequency",
            paramLabel = "B",
            description =
                    "Taken from a token's logit for each time that it was drawn, -100 to 100."
                            + " Default: 0 (embedded model: 0.3).")
    private @Nullable Double frequency;

    @Option(
            names = "--penalty-decay",
            paramLabel = "D",
            description =
                    "What earlier times count for after each token, 0 to 1. Default: 0.996, as in"
                            + " ChatRWKV (embedded model: 0.9).")
    private @Nullable Double penaltyDecay;

    @Option(
            names = "--order",
            paramLabel = "ORDER",
            description =
                    "chatrwkv: top-p, min-p, top-k, then temperature; usual: temperature, top-k, top-p,"
                            + " min-p; demo: as the RWKV-7 demo. Default: chatrwkv.")
    private @Nullable Order order;

    @Option(
            names = "--seed",
            paramLabel = "S",
            description =
                    "What the draws follow from, any whole number: the same seed gives the same text."
                            + " Default: a new one each time.")
    private @Nullable Long seed;

    private enum Order {
        CHATRWKV(SamplerSettings.Order.CHAT_RWKV),
        USUAL(SamplerSettings.Order.TEMPERATURE_FIRST),
        DEMO(SamplerSettings.Order.RWKV7_DEMO);

        private final SamplerSettings.Order order;

        Order(SamplerSettings.Order order) {
            this.order = order;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    SamplingOptions() {}

    /// The settings given, and for the others those that `builder` has.
    ///
    /// @throws dev.anser.generate.GenerateException when a value is out of its range
    SamplerSettings apply(SamplerSettings.Builder builder) {
        if (temperature != null) {
            builder.temperature(temperature);
        }
        if (topP != null) {
            builder.topP(topP);
        }
        if (topK != null) {
            builder.topK(topK);
        }
        if (minP != null) {
            builder.minP(minP);
        }
        if (presence != null) {
            builder.presencePenalty(presence);
        }
        if (frequency != null) {
            builder.frequencyPenalty(frequency);
        }
        if (penaltyDecay != null) {
            builder.penaltyDecay(penaltyDecay);
        }
        if (order != null) {
            builder.order(order.order);
        }
        if (seed != null) {
            builder.seed(seed);
        }
        return builder.build();
    }

    /// A copy of what is given.
    SamplingOptions copy() {
        SamplingOptions copy = new SamplingOptions();
        copy.take(this);
        return copy;
    }

    /// Takes over what `other` has.
    void take(SamplingOptions other) {
        temperature = other.temperature;
        topP = other.topP;
        topK = other.topK;
        minP = other.minP;
        presence = other.presence;
        frequency = other.frequency;
        penaltyDecay = other.penaltyDecay;
        order = other.order;
        seed = other.seed;
    }
}
