package dev.anser.generate;

import java.util.List;

/// What a [Generator] wrote.
///
/// @param text the text, without the stop sequence
/// @param tokens the ids of the text, as the session has read them
/// @param promptTokens how many tokens the prompt had
/// @param generatedTokens how many tokens were drawn, those of a stop sequence included
/// @param finishReason why it ended
/// @param prefillSeconds how long reading the prompt took
/// @param decodeSeconds how long drawing and reading the tokens took
public record Generation(
        String text,
        List<Integer> tokens,
        int promptTokens,
        int generatedTokens,
        FinishReason finishReason,
        double prefillSeconds,
        double decodeSeconds) {
    /// Copies the list.
    public Generation {
        tokens = List.copyOf(tokens);
    }
}
