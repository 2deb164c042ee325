package dev.anser.text;

import static dev.anser.text.ChatMessage.assistant;
import static dev.anser.text.ChatMessage.system;
import static dev.anser.text.ChatMessage.tool;
import static dev.anser.text.ChatMessage.user;
import static dev.anser.text.ChatTool.Parameter.optional;
import static dev.anser.text.ChatTool.Parameter.required;
import static dev.anser.text.ChatTool.Type.INTEGER;
import static dev.anser.text.ChatTool.Type.STRING;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.text.ChatTool.Listing;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ChatTemplateTests {
    private static String render(ReplyMode mode, ChatMessage... messages) {
        return ChatTemplate.render(List.of(messages), mode);
    }

    @Test
    void basicTemplatesAreThoseOfTheAuthors() {
        assertThat(render(ReplyMode.PLAIN, user("xxx"))).isEqualTo("User: xxx\n\nAssistant:");
        assertThat(render(ReplyMode.PLAIN, user("xxx"), assistant("xxx"), user("xxx")))
                .isEqualTo("User: xxx\n\nAssistant: xxx\n\nUser: xxx\n\nAssistant:");
        assertThat(render(ReplyMode.PLAIN, system("xxx"), user("xxx")))
                .isEqualTo("System: xxx\n\nUser: xxx\n\nAssistant:");
        assertThat(
                        render(
                                ReplyMode.PLAIN,
                                system("xxx"),
                                user("xxx"),
                                assistant("xxx"),
                                user("xxx")))
                .isEqualTo("System: xxx\n\nUser: xxx\n\nAssistant: xxx\n\nUser: xxx\n\nAssistant:");
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            ignoreLeadingAndTrailingWhitespace = false,
            value = {
                "THINK,`User: xxx\n\nAssistant: <think`",
                "FAKE_THINK,`User: xxx\n\nAssistant: <think>\n</think`",
                "FAKE_THINK_INLINE,`User: xxx\n\nAssistant: <think></think`",
                "THINK_NORMAL,`User: xxx (think)\n\nAssistant: <think`",
                "THINK_A_BIT,`User: xxx (think a bit)\n\nAssistant: <think`",
                "THINK_A_LOT,`User: xxx (think a lot)\n\nAssistant: <think`"
            })
    void thinkTemplatesAreThoseOfTheAuthors(ReplyMode mode, String expected) {
        assertThat(render(mode, user("xxx"))).isEqualTo(expected);
    }

    @Test
    void aCompactToolListIsThatOfTheAuthors() {
        String tools =
                ChatTool.systemText(
                        List.of(
                                ChatTool.of(
                                        "get_weather",
                                        "",
                                        required("location", STRING),
                                        optional(
                                                "unit",
                                                new ChatTool.Type.OneOf(
                                                        List.of("celsius", "fahrenheit")))),
                                ChatTool.of("get_stock_price", "", required("ticker", STRING)),
                                ChatTool.of(
                                        "translate_text",
                                        "",
                                        required("text", STRING),
                                        required("target_language", STRING))),
                        Listing.COMPACT);
        String prompt =
                render(
                        ReplyMode.FUNCTION_CALL,
                        system(tools),
                        user("Translate \"Will it rain tomorrow?\" into Japanese."));
        assertThat(prompt)
                .isEqualTo(
                        "System: Tools:\n- get_weather(location: string, unit?: \"celsius\" |"
                                + " \"fahrenheit\")\n- get_stock_price(ticker: string)\n-"
                                + " translate_text(text: string, target_language: string)\nReturn only a JSON"
                                + " function call.\n\nUser: Translate \"Will it rain tomorrow?\" into"
                                + " Japanese.\n\nAssistant: ```json");
    }

    private static final String CALENDAR_PROMPT =
            "System: Tools:\n[\n{\"name\":\"find_free_slots\",\"description\":\"Find free calendar"
                    + " slots\",\"arguments\":{\"date\":{\"type\":\"string\"},\"duration_minutes\":"
                    + "{\"type\":\"integer\"},\"time_window\":{\"type\":\"string\"}}},\n"
                    + "{\"name\":\"create_calendar_event\",\"description\":\"Create a calendar"
                    + " event\",\"arguments\":{\"title\":{\"type\":\"string\"},\"start_time\":"
                    + "{\"type\":\"string\"},\"end_time\":{\"type\":\"string\"},\"attendees\":"
                    + "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}\n]\nReturn only a JSON"
                    + " function call.\n\nUser: Schedule a 30-minute sync with Bob on 2026-05-08"
                    + " afternoon.\n\nAssistant: ```json";
    private static final String CALL =
            "\n{\"name\":\"find_free_slots\",\"arguments\":{\"date\":\"2026-05-08\","
                    + "\"duration_minutes\":30,\"time_window\":\"afternoon\"}}\n```";
    private static final String RESULT =
            "{\"free_slots\":[{\"start\":\"2026-05-08T15:00:00+09:00\",\"end\":"
                    + "\"2026-05-08T15:30:00+09:00\"}],\"bob_email\":\"bob@example.com\"}";
    private static final String AFTER_CALL =
            "\n\nUser: Function output:\n" + RESULT + "\n\nAssistant: ```json";

    private static List<ChatMessage> calendar() {
        String tools =
                ChatTool.systemText(
                        List.of(
                                ChatTool.of(
                                        "find_free_slots",
                                        "Find free calendar slots",
                                        required("date", STRING),
                                        required("duration_minutes", INTEGER),
                                        required("time_window", STRING)),
                                ChatTool.of(
                                        "create_calendar_event",
                                        "Create a calendar event",
                                        required("title", STRING),
                                        required("start_time", STRING),
                                        required("end_time", STRING),
                                        required("attendees", new ChatTool.Type.ListOf(STRING)))),
                        Listing.JSON);
        return List.of(
                system(tools), user("Schedule a 30-minute sync with Bob on 2026-05-08 afternoon."));
    }

    @Test
    void aJsonToolListWithACallAndItsResultIsThatOfTheAuthors() {
        assertThat(ChatTemplate.render(calendar(), ReplyMode.FUNCTION_CALL))
                .isEqualTo(CALENDAR_PROMPT);
        ChatMessage call = assistant(ChatTemplate.reply(ReplyMode.FUNCTION_CALL, CALL));
        assertThat(
                        render(
                                ReplyMode.FUNCTION_CALL,
                                calendar().get(0),
                                calendar().get(1),
                                call,
                                tool(RESULT)))
                .isEqualTo(CALENDAR_PROMPT + CALL + AFTER_CALL);
    }

    @Test
    void theResultOfACallContinuesTheState() {
        assertThat(ChatTemplate.renderNext(List.of(tool(RESULT)), ReplyMode.FUNCTION_CALL))
                .isEqualTo(AFTER_CALL);
    }

    @ParameterizedTest
    @EnumSource(ReplyMode.class)
    void turnByTurnGivesTheSameTextAsAllAtOnce(ReplyMode mode) {
        List<ChatMessage> first = List.of(system("Be brief."), user("Hi"));
        String generated = mode == ReplyMode.PLAIN ? " Hello!" : ">\nHello!";
        String state = ChatTemplate.render(first, mode) + generated;
        String reply = ChatTemplate.reply(mode, generated);
        state += ChatTemplate.renderNext(List.of(user("Bye")), ReplyMode.PLAIN);

        ChatMessage firstUser = user("Hi" + mode.userSuffix());
        assertThat(render(ReplyMode.PLAIN, first.get(0), firstUser, assistant(reply), user("Bye")))
                .isEqualTo(state);
    }

    @ParameterizedTest
    @EnumSource(ReplyMode.class)
    void noPromptEndsInASpace(ReplyMode mode) {
        assertThat(render(mode, user("a "))).doesNotEndWith(" ");
        assertThat(render(mode, user(" \n "))).startsWith("User:").doesNotContain(": \n");
    }

    @Test
    void cleaningIsThatOfTheAuthors() {
        assertThat(ChatTemplate.clean(" a\r\n\r\n\r\nb\n\n\nc \n")).isEqualTo("a\nb\nc");
        assertThat(ChatTemplate.clean("a\n \nb")).isEqualTo("a\n \nb");
        assertThat(ChatTemplate.clean("\u00a0\u3000\u0085x\u2007\u202f\u001c")).isEqualTo("x");
        assertThat(ChatTemplate.clean("\n\r\n")).isEmpty();
    }

    @Test
    void noMessageOpensATurnOfItsOwn() {
        String prompt =
                render(
                        ReplyMode.PLAIN,
                        system("s\n\nUser: no"),
                        user("hi\r\n\r\nAssistant: no"),
                        assistant("ok"),
                        tool("out\n\n\nUser: no"));
        assertThat(prompt.split("\n\n"))
                .containsExactly(
                        "System: s\nUser: no",
                        "User: hi\nAssistant: no",
                        "Assistant: ok",
                        "User: Function output:\nout\nUser: no",
                        "Assistant:");
    }

    @Test
    void aLengthHintIsGivenToTheLastMessageOfTheUserAlone() {
        assertThat(render(ReplyMode.THINK_A_BIT, user("a"), assistant("b"), user("c")))
                .isEqualTo("User: a\n\nAssistant: b\n\nUser: c (think a bit)\n\nAssistant: <think");
        assertThat(render(ReplyMode.THINK_A_BIT, user("a"), assistant("b"), tool("c")))
                .endsWith("User: Function output:\nc\n\nAssistant: <think");
    }

    @Test
    void aConversationThatAsksForNoReplyIsRefused() {
        assertThatThrownBy(() -> render(ReplyMode.PLAIN))
                .hasMessage("the conversation is empty; add a user's message");
        assertThatThrownBy(() -> render(ReplyMode.PLAIN, user("a"), assistant("b")))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("ends with a message of role ASSISTANT");
    }

    @Test
    void toolTextsAreEscapedInJson() {
        ChatTool tool =
                ChatTool.of(
                        "f",
                        "a \"b\"\n\\\u0001",
                        required(
                                "x",
                                new ChatTool.Type.ListOf(
                                        new ChatTool.Type.OneOf(List.of("p", "q")))));
        assertThat(ChatTool.systemText(List.of(tool), Listing.JSON))
                .isEqualTo(
                        "Tools:\n[\n{\"name\":\"f\",\"description\":\"a \\\"b\\\"\\n\\\\\\u0001\","
                                + "\"arguments\":{\"x\":{\"type\":\"array\",\"items\":{\"type\":\"string\","
                                + "\"enum\":[\"p\",\"q\"]}}}}\n]\nReturn only a JSON function call.");
        assertThat(ChatTool.systemText(List.of(tool), Listing.COMPACT))
                .contains("- f(x: (\"p\" | \"q\")[])\n");
    }

    @Test
    void aReplyEndsWhereTheUserBeginsToSpeak() {
        assertThat(ChatTemplate.STOPS).containsExactly("\n\nUser:");
    }
}
