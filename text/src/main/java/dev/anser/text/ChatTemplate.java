package dev.anser.text;

import java.util.List;
import java.util.regex.Pattern;

/// The conversation format that RWKV-7 G1 models are trained on.
///
/// ```java
/// String prompt = ChatTemplate.render(List.of(ChatMessage.user("Hi")), ReplyMode.PLAIN);
/// // "User: Hi\n\nAssistant:"; the model writes " Hello!"
/// String more = ChatTemplate.renderNext(List.of(ChatMessage.user("Bye")), ReplyMode.PLAIN);
/// // "\n\nUser: Bye\n\nAssistant:"; the state already holds the rest
/// ```
///
/// A prompt never ends in a space: the model's reply begins with it. Texts of the system, the user
/// and tools are [cleaned][#clean(String)], so that none of them can open a turn of its own; the
/// assistant's own words are taken as they are, without white space at either end.
public final class ChatTemplate {
    /// What ends a reply, besides the end-of-document token: the model begins to speak for the
    /// user.
    public static final List<String> STOPS = List.of("\n\nUser:");

    private static final Pattern LINE_BREAKS = Pattern.compile("\n{2,}");

    private ChatTemplate() {}

    /// The prompt for a model that has read nothing yet: `conversation`, and the beginning of the
    /// reply.
    ///
    /// A length hint of `mode`, such as ` (think a bit)`, is added to the last message if that is
    /// the user's; models are not trained on hints after the output of a tool.
    ///
    /// @throws TokenizerException when the conversation does not end with a message to reply to
    public static String render(List<ChatMessage> conversation, ReplyMode mode) {
        return render(new StringBuilder(), conversation, mode);
    }

    /// The text to go on with when the state already holds the conversation up to the end of the
    /// model's last reply: `next` alone, and the beginning of the new reply.
    ///
    /// @throws TokenizerException when `next` does not end with a message to reply to
    public static String renderNext(List<ChatMessage> next, ReplyMode mode) {
        return render(new StringBuilder("\n\n"), next, mode);
    }

    private static String render(StringBuilder text, List<ChatMessage> messages, ReplyMode mode) {
        if (messages.isEmpty()) {
            throw new TokenizerException("the conversation is empty; add a user's message");
        }
        ChatMessage.Role last = messages.getLast().role();
        if (last != ChatMessage.Role.USER && last != ChatMessage.Role.TOOL) {
            throw new TokenizerException(
                    "the conversation ends with a message of role "
                            + last
                            + "; expected USER or TOOL, which the model can reply to");
        }
        for (int i = 0; i < messages.size(); i++) {
            ChatMessage message = messages.get(i);
            switch (message.role()) {
                case SYSTEM -> append(text, "System:", clean(message.text()));
                case USER -> append(text, "User:", clean(message.text()));
                case ASSISTANT -> append(text, "Assistant:", strip(message.text()));
                case TOOL -> append(text, "User:", "Function output:\n" + clean(message.text()));
            }
            if (i == messages.size() - 1 && last == ChatMessage.Role.USER) {
                text.append(mode.userSuffix());
            }
            text.append("\n\n");
        }
        return text.append("Assistant:").append(mode.opening()).toString();
    }

    private static void append(StringBuilder text, String speaker, String words) {
        text.append(speaker);
        if (!words.isEmpty()) {
            text.append(' ').append(words);
        }
    }

    /// The whole reply: what `mode` put into the model's mouth and what it `generated` after that,
    /// without white space at either end. Fit for an [assistant's][ChatMessage#assistant(String)]
    /// message.
    public static String reply(ReplyMode mode, String generated) {
        return strip(mode.opening() + generated);
    }

    /// Makes `text` fit for a turn: line ends become LF, several become one, white space at both
    /// ends goes. Python: `re.sub(r'\n{2,}', '\n', text.replace('\r\n', '\n')).strip()`.
    public static String clean(String text) {
        return strip(LINE_BREAKS.matcher(text.replace("\r\n", "\n")).replaceAll("\n"));
    }

    private static String strip(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && isSpace(text.charAt(from))) {
            from++;
        }
        while (to > from && isSpace(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(from, to);
    }

    /// White space as Python's `strip` sees it: Java leaves out the no-break spaces.
    private static boolean isSpace(char c) {
        return Character.isWhitespace(c)
                || c == '\u0085'
                || c == '\u00a0'
                || c == '\u2007'
                || c == '\u202f';
    }
}
