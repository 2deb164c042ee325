package dev.anser.train;

import dev.anser.data.OfficialSamples;
import dev.anser.data.RandomSamples;
import dev.anser.data.Samples;
import dev.anser.data.SequentialSamples;
import dev.anser.data.Tokens;
import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.WorldTokenizer;
import java.util.Optional;

/// The data of a run, opened.
///
/// @param samples to learn from
/// @param validation held-out ones, when there are any
/// @param tokenizer of the text
/// @param tokensPerByte of the held-out text
record TrainingData(
        Samples samples, Optional<Samples> validation, Tokenizer tokenizer, double tokensPerByte)
        implements AutoCloseable {
    /// Opens what `data` names; random orders follow from `seed`.
    static TrainingData open(TrainConfig.Data data, long seed) {
        Tokenizer tokenizer =
                data.vocabulary()
                        .<Tokenizer>map(WorldTokenizer::load)
                        .orElseGet(ByteTokenizer::new);
        TextTokens all = TextTokens.read(data.train(), tokenizer);
        TextTokens train = all;
        Optional<TextTokens> held = Optional.empty();
        if (data.validation().isPresent()) {
            held = Optional.of(TextTokens.read(data.validation().get(), tokenizer));
        } else if (data.holdOut() > 0) {
            long end = (long) (all.size() * (1 - data.holdOut()));
            train = all.part(0, end);
            held = Optional.of(all.part(end, all.size()));
        }
        return new TrainingData(
                samples(data, train, seed),
                held.map(tokens -> new SequentialSamples(tokens, data.context())),
                tokenizer,
                held.map(tokens -> tokens.size() / (double) bytes(tokens, tokenizer))
                        .orElse(Double.NaN));
    }

    private static Samples samples(TrainConfig.Data data, Tokens tokens, long seed) {
        if (tokens.size() <= data.context()) {
            throw new TrainingException(
                    data.train()
                            + ": has "
                            + tokens.size()
                            + " tokens to learn from; expected more than data.context, "
                            + data.context());
        }
        return switch (data.order()) {
            case RANDOM -> new RandomSamples(tokens, data.context(), seed);
            case OFFICIAL -> new OfficialSamples(tokens, data.context());
            case SEQUENTIAL -> new SequentialSamples(tokens, data.context());
        };
    }

    private static long bytes(Tokens tokens, Tokenizer tokenizer) {
        int[] ids = new int[1 << 16];
        long bytes = 0;
        for (long at = 0; at < tokens.size(); at += ids.length) {
            int count = (int) Math.min(ids.length, tokens.size() - at);
            tokens.read(at, ids, 0, count);
            for (int i = 0; i < count; i++) {
                bytes += tokenizer.bytes(ids[i]).length;
            }
        }
        return bytes;
    }

    @Override
    public void close() {
        samples.close();
        validation.ifPresent(Samples::close);
    }
}
