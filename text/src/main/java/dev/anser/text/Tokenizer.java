package dev.anser.text;

/// Turns bytes into token ids and back. Immutable, for any number of threads.
public interface Tokenizer {
    /// The ids of `bytes`. Decoding them gives the same bytes back, unless the vocabulary changes
    /// texts before it encodes them, such as by Unicode normalisation.
    ///
    /// @throws TokenizerException when no token covers one of the bytes; the message names it and
    ///   where it stands
    int[] encode(byte[] bytes);

    /// The ids of the UTF-8 form of `text`.
    ///
    /// @throws TokenizerException when no token covers one of the bytes
    default int[] encode(String text) {
        return encode(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    /// Whether `id` is in the vocabulary. Ids may have gaps.
    default boolean contains(int id) {
        return id >= 0 && id < vocabularySize();
    }

    /// The bytes of one token; empty for the end-of-document token.
    ///
    /// @throws TokenizerException when `id` is not in the vocabulary
    byte[] bytes(int id);

    /// The bytes of `ids`, one after the other.
    ///
    /// @throws TokenizerException when one of them is not in the vocabulary
    byte[] decode(int... ids);

    /// One more than the largest id.
    int vocabularySize();

    /// Whether each token is found by looking no further ahead than the longest token is long, and
    /// covers just its own bytes: then a long text may be encoded piece by piece.
    default boolean greedy() {
        return false;
    }

    /// The id that models of this vocabulary expect in front of every text, or -1 when there is
    /// none.
    default int beginOfText() {
        return -1;
    }

    /// The id that ends a document and that generation stops at, or -1 when there is none.
    int endOfText();

    /// Whether generation stops at `id`: at the end of a document, or of a turn of a conversation
    /// where the vocabulary has a token for it.
    default boolean ends(int id) {
        return id >= 0 && id == endOfText();
    }
}
