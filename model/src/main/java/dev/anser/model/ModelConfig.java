package dev.anser.model;

/// What an architecture needs to know before its weights: everything here is read from tensor names
/// and shapes.
///
/// @param architecture the family, such as `rwkv7`
/// @param version the version within the family as its authors write it, such as `7.0`
/// @param layers number of blocks, L
/// @param width channels of the residual stream, C
/// @param heads number of time-mix heads, H
/// @param headSize channels of a head, N = C / H
/// @param feedForward channels inside the channel mix
/// @param vocabulary number of token ids, V
public record ModelConfig(
        String architecture,
        String version,
        int layers,
        int width,
        int heads,
        int headSize,
        int feedForward,
        int vocabulary) {}
