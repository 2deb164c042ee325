package dev.anser.train;

import dev.anser.data.Binidx;
import dev.anser.data.OfficialSamples;
import dev.anser.data.PackedSamples;
import dev.anser.data.RandomSamples;
import dev.anser.data.Samples;
import dev.anser.data.SequentialSamples;
import dev.anser.data.SftSamples;
import dev.anser.data.TextTokens;
import dev.anser.data.Tokens;
import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.Tokenizers;
import java.nio.file.Path;
import java.util.Optional;

/// The data of a run, opened.
///
/// @param samples to learn from
/// @param validation held-out ones, when there are any
/// @param tokenizer of the text, where it is known
/// @param tokensPerByte of the held-out text; NaN when not known
record TrainingData(
        Samples samples,
        Optional<Samples> validation,
        Optional<Tokenizer> tokenizer,
        double tokensPerByte)
        implements AutoCloseable {
    private static final int BYTES = 256;

    /// Opens what `data` names; random orders follow from `seed`.
    static TrainingData open(TrainConfig.Data data, long seed) {
        Optional<Tokenizer> given = data.vocabulary().map(Tokenizers::load);
        return switch (data.format()) {
            case TEXT -> ofText(data, given.orElseGet(ByteTokenizer::new), seed);
            case BINIDX -> ofBinidx(data, given, seed);
            case SFT -> ofConversations(data, given.orElseGet(ByteTokenizer::new), seed);
        };
    }

    private static TrainingData ofText(TrainConfig.Data data, Tokenizer tokenizer, long seed) {
        double end = 1 - data.holdOut();
        Tokens train = TextTokens.read(data.train(), tokenizer, 0, end);
        Optional<TextTokens> held =
                data.validation()
                        .map(file -> TextTokens.read(file, tokenizer, 0, 1))
                        .or(() ->
                                end == 1
                                        ? Optional.empty()
                                        : Optional.of(
                                                TextTokens.read(data.train(), tokenizer, end, 1)));
        return new TrainingData(
                samples(data, train, seed),
                held.map(tokens -> new SequentialSamples(tokens, data.context())),
                Optional.of(tokenizer),
                held.map(tokens -> (double) tokens.size() / tokens.bytes()).orElse(Double.NaN));
    }

    private static TrainingData ofBinidx(
            TrainConfig.Data data, Optional<Tokenizer> given, long seed) {
        double end = 1 - data.holdOut();
        Binidx train = Binidx.open(data.train());
        Optional<Tokens> held =
                data.validation()
                        .<Tokens>map(Binidx::open)
                        .or(() ->
                                end == 1
                                        ? Optional.empty()
                                        : Optional.of(Binidx.open(data.train()).part(end, 1)));
        Samples samples =
                data.order() == TrainConfig.Order.PACKED
                        ? new PackedSamples(train, data.context(), seed)
                        : samples(data, end == 1 ? train : train.part(0, end), seed);
        Optional<Tokenizer> tokenizer =
                given.or(() ->
                        samples.largestToken() < BYTES
                                ? Optional.of(new ByteTokenizer())
                                : Optional.empty());
        return new TrainingData(
                samples,
                held.map(tokens -> new SequentialSamples(tokens, data.context())),
                tokenizer,
                held.isPresent() && tokenizer.isPresent()
                        ? tokensPerByte(held.get(), tokenizer.get())
                        : Double.NaN);
    }

    private static TrainingData ofConversations(
            TrainConfig.Data data, Tokenizer tokenizer, long seed) {
        SftSamples.Settings settings =
                new SftSamples.Settings(data.context(), data.mask(), data.packing(), seed);
        return new TrainingData(
                new SftSamples(data.train(), tokenizer, settings),
                data.validation().map((Path file) -> new SftSamples(file, tokenizer, settings)),
                Optional.of(tokenizer),
                Double.NaN);
    }

    private static Samples samples(TrainConfig.Data data, Tokens tokens, long seed) {
        return switch (data.order()) {
            case RANDOM -> new RandomSamples(tokens, data.context(), seed);
            case OFFICIAL -> new OfficialSamples(tokens, data.context());
            case SEQUENTIAL -> new SequentialSamples(tokens, data.context());
            case PACKED -> throw new IllegalArgumentException("packed samples are of documents");
        };
    }

    private static double tokensPerByte(Tokens tokens, Tokenizer tokenizer) {
        if (tokens.largest() >= tokenizer.vocabularySize()) {
            return Double.NaN;
        }
        int[] ids = new int[1 << 16];
        long bytes = 0;
        for (long at = 0; at < tokens.size(); at += ids.length) {
            int count = (int) Math.min(ids.length, tokens.size() - at);
            tokens.read(at, ids, 0, count);
            for (int i = 0; i < count; i++) {
                bytes += tokenizer.contains(ids[i]) ? tokenizer.bytes(ids[i]).length : 0;
            }
        }
        return (double) tokens.size() / bytes;
    }

    @Override
    public void close() {
        samples.close();
        validation.ifPresent(Samples::close);
    }
}
