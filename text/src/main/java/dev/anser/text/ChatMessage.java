package dev.anser.text;

/// One message of a conversation.
///
/// @param role who speaks
/// @param text what is said
public record ChatMessage(Role role, String text) {
    /// Who speaks.
    public enum Role {
        /// Whoever set up the assistant: instructions, tools.
        SYSTEM,
        /// The person.
        USER,
        /// The model.
        ASSISTANT,
        /// A function that the model called: its output.
        TOOL
    }

    /// A message of the system.
    public static ChatMessage system(String text) {
        return new ChatMessage(Role.SYSTEM, text);
    }

    /// A message of the user.
    public static ChatMessage user(String text) {
        return new ChatMessage(Role.USER, text);
    }

    /// A message of the model.
    public static ChatMessage assistant(String text) {
        return new ChatMessage(Role.ASSISTANT, text);
    }

    /// The output of a function.
    public static ChatMessage tool(String text) {
        return new ChatMessage(Role.TOOL, text);
    }
}
