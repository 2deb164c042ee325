package dev.anser.cli;

import dev.anser.text.ChatMessage;
import dev.anser.text.ChatTemplate;
import dev.anser.text.ReplyMode;
import java.util.List;

/// How user and model take turns.
enum ChatStyle {
    /// In the format of the G1 models: a question, an answer.
    DIALOGUE {
        @Override
        String prompt(String message, ReplyMode mode, boolean begun) {
            List<ChatMessage> next = List.of(ChatMessage.user(message));
            return begun ? ChatTemplate.renderNext(next, mode) : ChatTemplate.render(next, mode);
        }

        @Override
        String opening(ReplyMode mode) {
            return ChatTemplate.reply(mode, "");
        }

        @Override
        List<String> stops() {
            return ChatTemplate.STOPS;
        }
    },

    /// For a model that knows books alone: the user begins a paragraph, the model ends it.
    STORY {
        @Override
        String prompt(String message, ReplyMode mode, boolean begun) {
            return (begun ? "\n\n" : "") + ChatTemplate.clean(message);
        }

        @Override
        String opening(ReplyMode mode) {
            return "";
        }

        @Override
        List<String> stops() {
            return List.of("\n\n");
        }
    };

    /// What the model reads for `message`; `begun`: it has read something before.
    abstract String prompt(String message, ReplyMode mode, boolean begun);

    /// How an answer in `mode` begins before the model has its turn.
    abstract String opening(ReplyMode mode);

    /// What ends an answer.
    abstract List<String> stops();
}
