package dev.anser.model;

/// What an architecture needs to know before its weights: everything here is read from tensor names
/// and shapes, and from the configuration beside them where those cannot tell.
///
/// @param architecture the family, such as `rwkv7`
/// @param version the version within the family as its authors write it, such as `7.0`
/// @param layers number of blocks, L
/// @param width channels of the residual stream, C
/// @param heads number of time-mix or attention heads, H
/// @param headSize channels of a head, N = C / H
/// @param feedForward channels inside the channel mix
/// @param vocabulary number of token ids, V
/// @param keyHeads heads of keys and values, fewer than H where queries share them
/// @param valueSize channels of a head's values, N unless they are wider than its keys
public record ModelConfig(
        String architecture,
        String version,
        int layers,
        int width,
        int heads,
        int headSize,
        int feedForward,
        int vocabulary,
        int keyHeads,
        int valueSize) {
    /// Sizes of a model whose heads each have keys of their own and values as wide as these.
    public ModelConfig(
            String architecture,
            String version,
            int layers,
            int width,
            int heads,
            int headSize,
            int feedForward,
            int vocabulary) {
        this(
                architecture,
                version,
                layers,
                width,
                heads,
                headSize,
                feedForward,
                vocabulary,
                heads,
                headSize);
    }
}
