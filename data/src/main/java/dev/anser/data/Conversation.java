package dev.anser.data;

import dev.anser.text.ChatMessage;
import dev.anser.text.ChatTemplate;
import dev.anser.text.ReplyMode;
import dev.anser.text.Tokenizer;
import dev.anser.text.TokenizerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A conversation, cut where a model is given text and where it speaks itself.
///
/// Each part becomes tokens on its own: when a model is used, the text up to `Assistant:` is
/// encoded without the reply, too.
///
/// @param parts what is said, one after the other
record Conversation(List<Part> parts) {
    /// A part of a conversation.
    ///
    /// @param text what is said
    /// @param reply whether the assistant says it; the empty line after its turn belongs to it
    record Part(String text, boolean reply) {}

    private static final String TURN_END = "\n\n";
    private static final Pattern SPEAKER =
            Pattern.compile("(?:\\A|(?<=\n\n))(User|Assistant|System):");

    /// The conversation in a text such as `User: Hi\n\nAssistant: Hello!`.
    ///
    /// @throws TokenizerException when nobody replies
    static Conversation ofText(String text) {
        List<Part> parts = new ArrayList<>();
        Matcher speaker = SPEAKER.matcher(text);
        int from = 0;
        boolean reply = false;
        while (speaker.find()) {
            boolean assistant = speaker.group(1).equals("Assistant");
            if (reply) {
                parts.add(new Part(text.substring(from, speaker.start()), true));
                from = speaker.start();
            }
            if (assistant) {
                parts.add(new Part(text.substring(from, speaker.end()), false));
                from = speaker.end();
            }
            reply = assistant;
        }
        if (parts.isEmpty()) {
            throw new TokenizerException(
                    "the text has no turn that begins with \"Assistant:\" after an empty line");
        }
        parts.add(new Part(text.substring(from), reply));
        return new Conversation(parts);
    }

    /// The conversation of `messages`, as [ChatTemplate] writes it.
    ///
    /// @throws TokenizerException when a reply does not follow the user or a tool, or the last
    ///   message is no reply
    static Conversation ofMessages(List<ChatMessage> messages) {
        List<Part> parts = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < messages.size(); i++) {
            if (messages.get(i).role() != ChatMessage.Role.ASSISTANT) {
                continue;
            }
            List<ChatMessage> said = messages.subList(from, i);
            String prompt;
            if (from == 0) {
                prompt = ChatTemplate.render(said, ReplyMode.PLAIN);
            } else {
                prompt = ChatTemplate.renderNext(said, ReplyMode.PLAIN);
                Part last = parts.removeLast();
                parts.add(new Part(last.text() + TURN_END, true));
                prompt = prompt.substring(TURN_END.length());
            }
            parts.add(new Part(prompt, false));
            String words = ChatTemplate.reply(ReplyMode.PLAIN, messages.get(i).text());
            parts.add(new Part(" " + words, true));
            from = i + 1;
        }
        if (from == 0 || from < messages.size()) {
            throw new TokenizerException(
                    "the conversation does not end with a message of the assistant");
        }
        return new Conversation(parts);
    }

    /// The tokens of a conversation.
    ///
    /// @param ids the tokens, 0 at the end
    /// @param replies which of them the assistant says
    record Encoded(int[] ids, boolean[] replies) {}

    /// Turns the conversation into tokens, with token 0 at the end.
    Encoded encode(Tokenizer tokenizer) {
        int[] ids = new int[64];
        boolean[] replies = new boolean[64];
        int size = 0;
        for (Part part : parts) {
            int[] more = tokenizer.encode(part.text());
            // One more is for the end.
            if (size + more.length >= ids.length) {
                ids = Arrays.copyOf(ids, Math.max(size + more.length + 1, ids.length * 2));
                replies = Arrays.copyOf(replies, ids.length);
            }
            System.arraycopy(more, 0, ids, size, more.length);
            Arrays.fill(replies, size, size + more.length, part.reply());
            size += more.length;
        }
        ids[size] = 0;
        replies[size] = parts.getLast().reply();
        size++;
        return new Encoded(Arrays.copyOf(ids, size), Arrays.copyOf(replies, size));
    }
}
