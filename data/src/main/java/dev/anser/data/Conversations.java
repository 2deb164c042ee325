package dev.anser.data;

import dev.anser.text.ChatMessage;
import dev.anser.text.TokenizerException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/// Reads the conversations of a JSONL file: lines with `text` in the form that RWKV is trained on,
/// or with `messages` of `role` and `content`.
final class Conversations {
    private final JsonLines lines;

    private Conversations(Path file) {
        this.lines = new JsonLines(file, "text");
    }

    /// Reads every conversation of `file`.
    ///
    /// @throws DataException when a line is wrong; the message names it
    static void read(Path file, Consumer<Conversation> consumer) {
        new Conversations(file).read(consumer);
    }

    private void read(Consumer<Conversation> consumer) {
        lines.each(json -> {
            try {
                consumer.accept(conversation(json));
            } catch (TokenizerException e) {
                throw lines.wrong("cannot be learned from: " + e.getMessage());
            }
        });
    }

    private Conversation conversation(JsonParser json) {
        String text = null;
        List<ChatMessage> messages = null;
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = json.currentName();
            json.nextToken();
            switch (name) {
                case "text" -> text = string(json, name);
                case "messages" -> messages = messages(json);
                default -> json.skipChildren();
            }
        }
        if ((text == null) == (messages == null)) {
            throw lines.wrong(
                    text == null
                            ? "has neither \"text\" nor \"messages\""
                            : "has both \"text\" and \"messages\"; expected one of them");
        }
        return text == null
                ? Conversation.ofMessages(messages == null ? List.of() : messages)
                : Conversation.ofText(text);
    }

    private List<ChatMessage> messages(JsonParser json) {
        if (json.currentToken() != JsonToken.START_ARRAY) {
            throw lines.wrong("has \"messages\" that is no array");
        }
        List<ChatMessage> messages = new ArrayList<>();
        while (json.nextToken() == JsonToken.START_OBJECT) {
            messages.add(message(json));
        }
        if (json.currentToken() != JsonToken.END_ARRAY) {
            throw lines.wrong("has a message that is no object");
        }
        return messages;
    }

    private ChatMessage message(JsonParser json) {
        String role = null;
        String content = null;
        while (json.nextToken() == JsonToken.PROPERTY_NAME) {
            String name = json.currentName();
            json.nextToken();
            switch (name) {
                case "role" -> role = string(json, name);
                case "content" -> content = string(json, name);
                default -> json.skipChildren();
            }
        }
        if (content == null) {
            throw lines.wrong("has a message without \"content\"");
        }
        return new ChatMessage(role(role), content);
    }

    private ChatMessage.Role role(@Nullable String name) {
        for (ChatMessage.Role role : ChatMessage.Role.values()) {
            if (role.name().toLowerCase(Locale.ROOT).equals(name)) {
                return role;
            }
        }
        throw lines.wrong(
                "has a message with role "
                        + (name == null ? "missing" : "\"" + name + "\"")
                        + "; expected system, user, assistant or tool");
    }

    private String string(JsonParser json, String name) {
        if (json.currentToken() != JsonToken.VALUE_STRING) {
            throw lines.wrong("has \"" + name + "\" that is no string");
        }
        String text = json.getString();
        // Half a surrogate pair would become a question mark.
        lines.utf8(text);
        return text;
    }
}
