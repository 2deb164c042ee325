package dev.anser.generate;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;

/// How a [Generator] writes and when it stops. Immutable.
///
/// @param maxTokens the budget: how many tokens may be drawn, 0 or more
/// @param stops texts that end the generation and are not part of it; at most 64 of 1 to 1024 bytes
/// @param stopTokens ids that end the generation and are not part of it, besides end-of-document
/// @param sampling how tokens are drawn
/// @param cancelled asked once per token and per chunk of the prompt whether to stop at once
public record GenerationOptions(
        int maxTokens,
        List<String> stops,
        List<Integer> stopTokens,
        SamplerSettings sampling,
        BooleanSupplier cancelled) {
    private static final int MAX_STOPS = 64;
    private static final int MAX_STOP_BYTES = 1024;

    /// Checks every range.
    ///
    /// @throws GenerateException when a value is out of its range; the message names it
    public GenerationOptions {
        if (maxTokens < 0) {
            throw new GenerateException(
                    "the token budget is " + maxTokens + ", expected 0 or more");
        }
        stops = List.copyOf(stops);
        stopTokens = List.copyOf(stopTokens);
        if (stops.size() > MAX_STOPS) {
            throw new GenerateException(
                    "there are " + stops.size() + " stop sequences, expected at most " + MAX_STOPS);
        }
        for (int i = 0; i < stops.size(); i++) {
            int bytes = stops.get(i).getBytes(StandardCharsets.UTF_8).length;
            if (bytes < 1 || bytes > MAX_STOP_BYTES) {
                throw new GenerateException(
                        "stop sequence "
                                + (i + 1)
                                + " has "
                                + bytes
                                + " bytes, expected 1 to "
                                + MAX_STOP_BYTES);
            }
        }
    }

    /// Starts options of 256 tokens, no stops but end-of-document, default sampling, never
    /// cancelled.
    public static Builder builder() {
        return new Builder();
    }

    /// Collects options; each has a default.
    public static final class Builder {
        private int maxTokens = 256;
        private List<String> stops = List.of();
        private List<Integer> stopTokens = List.of();
        private SamplerSettings sampling = SamplerSettings.builder().build();
        private BooleanSupplier cancelled = () -> false;

        private Builder() {}

        /// How many tokens may be drawn, 0 or more; 256 unless told.
        public Builder maxTokens(int maxTokens) {
            this.maxTokens = maxTokens;
            return this;
        }

        /// Texts that end the generation; none unless told.
        public Builder stops(List<String> stops) {
            this.stops = stops;
            return this;
        }

        /// Ids that end the generation besides end-of-document; none unless told.
        public Builder stopTokens(int... ids) {
            this.stopTokens = Arrays.stream(ids).boxed().toList();
            return this;
        }

        /// How tokens are drawn; the defaults of [SamplerSettings#builder()] unless told.
        public Builder sampling(SamplerSettings sampling) {
            this.sampling = sampling;
            return this;
        }

        /// Asked once per token and per chunk of the prompt; any thread may make it true.
        public Builder cancelled(BooleanSupplier cancelled) {
            this.cancelled = cancelled;
            return this;
        }

        /// The options.
        ///
        /// @throws GenerateException when a value is out of its range; the message names it
        public GenerationOptions build() {
            return new GenerationOptions(maxTokens, stops, stopTokens, sampling, cancelled);
        }
    }
}
