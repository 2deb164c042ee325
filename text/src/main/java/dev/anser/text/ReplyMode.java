package dev.anser.text;

/// How the model is to begin its reply: whether it thinks first and for how long, or calls a
/// function.
public enum ReplyMode {
    /// Answers at once.
    PLAIN("", ""),
    /// Thinks first, as long as it likes.
    THINK("", " <think"),
    /// Thinks first, at usual length: the user's message ends in ` (think)`.
    THINK_NORMAL(" (think)", " <think"),
    /// Thinks briefly: the user's message ends in ` (think a bit)`.
    THINK_A_BIT(" (think a bit)", " <think"),
    /// Thinks at length: the user's message ends in ` (think a lot)`.
    THINK_A_LOT(" (think a lot)", " <think"),
    /// Is given an empty thought on two lines: nearly as good as thinking, and fast.
    FAKE_THINK("", " <think>\n</think"),
    /// Is given an empty thought on one line.
    FAKE_THINK_INLINE("", " <think></think"),
    /// Calls one of the functions that the system message lists.
    FUNCTION_CALL("", " ```json");

    private final String userSuffix;
    private final String opening;

    ReplyMode(String userSuffix, String opening) {
        this.userSuffix = userSuffix;
        this.opening = opening;
    }

    /// What is added to the user's message.
    String userSuffix() {
        return userSuffix;
    }

    /// What is put into the model's mouth after `Assistant:`.
    String opening() {
        return opening;
    }
}
