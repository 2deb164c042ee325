package dev.anser.evaluate;

/// How well texts were predicted.
///
/// @param documents how many texts
/// @param bytes of the tokens that were predicted
/// @param score of these tokens
public record TextScore(long documents, long bytes, Score score) {
    static final TextScore NONE = new TextScore(0, 0, Score.NONE);

    /// The cross entropy in bits a byte, which compares models whatever their vocabularies; NaN
    /// without bytes.
    public double bitsPerByte() {
        return score.nats() / Math.log(2) / bytes;
    }
}
