package dev.anser.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.tensor.Backends;
import dev.anser.tensor.EagerOps;
import dev.anser.tensor.Threads;
import dev.anser.text.ByteTokenizer;
import dev.anser.text.Tokenizer;
import dev.anser.text.WorldTokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class GeneratorTests {
    private final Threads threads = new Threads(1);
    private final EagerOps ops = Backends.named("scalar").newOps(threads);
    private final ByteTokenizer bytes = new ByteTokenizer();
    private final List<String> pieces = new ArrayList<>();
    private final List<AutoCloseable> opened = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable resource : opened) {
            resource.close();
        }
        ops.close();
        threads.close();
    }

    private Session session(RecitingModel model) {
        Session session = new Session(model, ops, 4);
        opened.add(session);
        return session;
    }

    /// A session on a model that knows `text` by heart, byte by byte.
    private Session reciting(String text) {
        return session(new RecitingModel(256, bytes.encode(text)));
    }

    private static GenerationOptions.Builder greedy() {
        return GenerationOptions.builder().sampling(SamplerSettings.greedy());
    }

    private static WorldTokenizer world(String... tokens) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < tokens.length; i++) {
            String literal = tokens[i].replace("\n", "\\n");
            int length = tokens[i].getBytes(StandardCharsets.UTF_8).length;
            lines.append(i + 1)
                    .append(" '")
                    .append(literal)
                    .append("' ")
                    .append(length)
                    .append('\n');
        }
        return WorldTokenizer.load("v.txt", lines.toString().getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void textIsWrittenUpToTheBudget() {
        Session session = reciting("Once upon a time");
        Generation result =
                new Generator(session, bytes)
                        .generate("Once", greedy().maxTokens(5).build(), pieces::add);
        assertThat(result.text()).isEqualTo(" upon");
        assertThat(result.tokens()).containsExactly(32, 117, 112, 111, 110);
        assertThat(result.promptTokens()).isEqualTo(4);
        assertThat(result.generatedTokens()).isEqualTo(5);
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(result.prefillSeconds()).isNotNegative();
        assertThat(result.decodeSeconds()).isNotNegative();
        assertThat(pieces).containsExactly(" ", "u", "p", "o", "n");
    }

    @Test
    void theSessionGoesOnAfterTheBudget() {
        Generator generator = new Generator(reciting("Once upon a time"), bytes);
        GenerationOptions three = greedy().maxTokens(3).build();
        assertThat(generator.generate("Once", three, pieces::add).text()).isEqualTo(" up");
        assertThat(generator.generate("", three, pieces::add).text()).isEqualTo("on ");
        assertThat(generator.generate("a", three, pieces::add).text()).isEqualTo(" ti");
    }

    @Test
    void aBudgetOfNothingReadsThePrompt() {
        Session session = reciting("Once");
        Generation result =
                new Generator(session, bytes)
                        .generate("On", greedy().maxTokens(0).build(), pieces::add);
        assertThat(result.text()).isEmpty();
        assertThat(result.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(session.position()).isEqualTo(2);
        assertThat(pieces).isEmpty();
    }

    @Test
    void charactersAreNotSplit() {
        Generation result =
                new Generator(reciting("x€😀é"), bytes)
                        .generate("x", greedy().maxTokens(9).build(), pieces::add);
        assertThat(pieces).containsExactly("€", "😀", "é");
        assertThat(result.text()).isEqualTo("€😀é");
    }

    @Test
    void anUnfinishedCharacterAtTheEndIsReplaced() {
        Generation result =
                new Generator(reciting("x€"), bytes)
                        .generate("x", greedy().maxTokens(2).build(), pieces::add);
        assertThat(result.text()).isEqualTo("\ufffd");
    }

    @Test
    void aStopSequenceAcrossTokensEndsTheTextAndIsNotPartOfIt() {
        Session session = reciting("A: yes\n\nno\n\nUser: hm");
        Generation result =
                new Generator(session, bytes)
                        .generate("A:", greedy().stops(List.of("\n\nUser:")).build(), pieces::add);
        assertThat(result.text()).isEqualTo(" yes\n\nno");
        assertThat(String.join("", pieces)).isEqualTo(result.text());
        assertThat(pieces).contains("\n\nn").doesNotContain("\n");
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.generatedTokens()).isEqualTo(" yes\n\nno\n\nUser:".length());
    }

    @Test
    void afterAStopTheSessionHasReadTheTextAlone() {
        Session session = reciting("A: yes\n\nno\n\nUser: hm");
        Generation result =
                new Generator(session, bytes)
                        .generate("A:", greedy().stops(List.of("\n\nUser:")).build(), pieces::add);
        assertReads(session, bytes, "A:" + result.text());
        assertThat(result.tokens()).hasSize(8);
    }

    private void assertReads(Session session, Tokenizer tokenizer, String text) {
        assertReads(session, tokenizer.encode(text));
    }

    private void assertReads(Session session, int... tokens) {
        try (Session other = new Session(session.model(), ops)) {
            other.prompt(tokens);
            assertThat(session.position()).isEqualTo(tokens.length);
            assertThat(session.state().sameAs(other.state())).isTrue();
            assertThat(session.logits().toFloats()).isEqualTo(other.logits().toFloats());
        }
    }

    @Test
    void whatATokenHasBeforeTheStopIsReadAnew() {
        // 1 'a'  2 'b'  3 '.'  4 '\n\n'  5 '.\n\n'  6 'User'  7 ':'  8 'ab.'
        WorldTokenizer tokenizer = world("a", "b", ".", "\n\n", ".\n\n", "User", ":", "ab.");
        Session session = session(new RecitingModel(12, 1, 2, 8, 2, 5, 6, 7, 1));
        Generation result =
                new Generator(session, tokenizer)
                        .generate("a", greedy().stops(List.of("\n\nUser:")).build(), pieces::add);
        assertThat(result.text()).isEqualTo("bab.b.");
        assertThat(result.tokens()).containsExactly(2, 8, 2, 3);
        assertThat(result.generatedTokens()).isEqualTo(6);
        assertReads(session, 1, 2, 8, 2, 3);
    }

    @Test
    void aStopInsideOneTokenIsFound() {
        WorldTokenizer tokenizer = world("a", "b", "ab.b");
        Session session = session(new RecitingModel(4, 1, 2, 3, 1, 1));
        Generation result =
                new Generator(session, tokenizer)
                        .generate("a", greedy().stops(List.of(".")).build(), pieces::add);
        assertThat(result.text()).isEqualTo("bab");
        assertThat(result.tokens()).containsExactly(2, 1, 2);
        assertReads(session, 1, 2, 1, 2);
    }

    @Test
    void whatNoTokenCoversBeforeAStopIsLeftOutOfTheState() {
        WorldTokenizer tokenizer = world("a", "xy.");
        Session session = session(new RecitingModel(3, 1, 1, 2));
        Generation result =
                new Generator(session, tokenizer)
                        .generate("a", greedy().stops(List.of(".")).build(), pieces::add);
        assertThat(result.text()).isEqualTo("axy");
        assertThat(result.tokens()).containsExactly(1);
        assertReads(session, 1, 1);
    }

    @Test
    void whatWasHeldBackComesOutAtTheEndOfTheBudget() {
        Generation result =
                new Generator(reciting("a\n\nUse"), bytes)
                        .generate(
                                "a",
                                greedy().stops(List.of("\n\nUser:")).maxTokens(4).build(),
                                pieces::add);
        assertThat(result.text()).isEqualTo("\n\nUs");
        assertThat(pieces).containsExactly("\n\nUs");
    }

    @Test
    void endOfDocumentStopsAndIsNotRead() {
        WorldTokenizer tokenizer = world("a", "b");
        Session session = session(new RecitingModel(3, 1, 2, 0, 2));
        Generation result =
                new Generator(session, tokenizer).generate("a", greedy().build(), pieces::add);
        assertThat(result.text()).isEqualTo("b");
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(result.generatedTokens()).isEqualTo(2);
        assertReads(session, 1, 2);
    }

    @Test
    void stopTokensStopAndAreNotRead() {
        Session session = reciting("12#34");
        Generation result =
                new Generator(session, bytes)
                        .generate("1", greedy().stopTokens('#').build(), pieces::add);
        assertThat(result.text()).isEqualTo("2");
        assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        assertReads(session, bytes, "12");
        assertThatThrownBy(() ->
                        new Generator(session, bytes)
                                .generate("1", greedy().stopTokens(256).build(), pieces::add))
                .hasMessage("stop token 256 is outside the vocabulary of 256 tokens");
    }

    @Test
    void cancellationBetweenTokensKeepsWhatIsWritten() {
        Session session = reciting("Once upon a time");
        Generation result =
                new Generator(session, bytes)
                        .generate(
                                "Once",
                                greedy().cancelled(() -> pieces.size() == 3).build(),
                                pieces::add);
        assertThat(result.text()).isEqualTo(" up");
        assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertReads(session, bytes, "Once up");
    }

    @Test
    void cancellationInsideThePromptEndsWithoutText() {
        AtomicInteger asked = new AtomicInteger();
        Session session = reciting("Once upon a time");
        Generation result =
                new Generator(session, bytes)
                        .generate(
                                "Once upon a",
                                greedy().cancelled(() -> asked.incrementAndGet() > 1).build(),
                                pieces::add);
        assertThat(result.text()).isEmpty();
        assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(session.position()).isEqualTo(4);
    }

    @Test
    void interruptionCancels() {
        Generator generator = new Generator(reciting("Once upon"), bytes);
        Generation result =
                generator.generate(
                        "Once",
                        greedy().build(),
                        piece -> {
                            pieces.add(piece);
                            Thread.currentThread().interrupt();
                        });
        assertThat(Thread.interrupted()).isTrue();
        assertThat(result.finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(result.text()).isEqualTo(" ");
    }

    @Test
    void anEmptyPromptBeginsWithTheEndOfDocument() {
        WorldTokenizer tokenizer = world("a", "b");
        Session session = session(new RecitingModel(3, 0, 2, 1));
        Generation result =
                new Generator(session, tokenizer)
                        .generate("", greedy().maxTokens(2).build(), pieces::add);
        assertThat(result.text()).isEqualTo("ba");
        assertThat(result.promptTokens()).isEqualTo(1);
        assertReads(session, 0, 2, 1);
    }

    /// Bytes, where 1 begins texts, and 2 ends turns and 3 documents.
    private static final Tokenizer MARKED =
            new Tokenizer() {
                private final ByteTokenizer bytes = new ByteTokenizer();

                @Override
                public int[] encode(byte[] text) {
                    return bytes.encode(text);
                }

                @Override
                public byte[] bytes(int id) {
                    return bytes.bytes(id);
                }

                @Override
                public byte[] decode(int... ids) {
                    return bytes.decode(ids);
                }

                @Override
                public int vocabularySize() {
                    return 256;
                }

                @Override
                public int beginOfText() {
                    return 1;
                }

                @Override
                public int endOfText() {
                    return 3;
                }

                @Override
                public boolean ends(int id) {
                    return id == 2 || id == 3;
                }
            };

    @Test
    void aTextBeginsWithItsMarkAndOnlyOnce() {
        GenerationOptions one = greedy().maxTokens(1).build();
        Session session = reciting("??b?c");
        Generator generator = new Generator(session, MARKED);
        assertThat(generator.generate("x", one, pieces::add).promptTokens()).isEqualTo(2);
        assertThat(generator.generate("y", one, pieces::add).promptTokens()).isEqualTo(1);
        assertReads(session, 1, 'x', 'b', 'y', 'c');

        Session marked = reciting("?ab");
        new Generator(marked, MARKED).generate("\u0001x", one, pieces::add);
        assertReads(marked, 1, 'x', 'b');
    }

    @Test
    void tokensAreReadAsTheyAre() {
        Session session = reciting("?ab");
        new Generator(session, MARKED)
                .generate(new int[] {'x'}, greedy().maxTokens(0).build(), pieces::add);
        assertReads(session, 'x');
    }

    @Test
    void anEmptyPromptBeginsWithTheMarkOfABeginning() {
        Session session = reciting("?ab");
        new Generator(session, MARKED).generate("", greedy().maxTokens(0).build(), pieces::add);
        assertReads(session, 1);
    }

    @Test
    void theVocabularyOfRwkvPutsNothingInFront() {
        Session session = session(new RecitingModel(3, 0, 2, 1));
        new Generator(session, world("a", "b"))
                .generate("a", greedy().maxTokens(0).build(), pieces::add);
        assertReads(session, 1);
    }

    @Test
    void everyTokenThatEndsTextsStops() {
        for (char end : new char[] {2, 3}) {
            Generation result =
                    new Generator(reciting("??ab" + end + "c"), MARKED)
                            .generate("x", greedy().maxTokens(9).build(), pieces::add);
            assertThat(result.text()).isEqualTo("ab");
            assertThat(result.finishReason()).isEqualTo(FinishReason.STOP);
        }
    }

    @Test
    void anEmptyPromptIsRefusedWhereNothingBeginsADocument() {
        Generator generator = new Generator(reciting("a"), bytes);
        assertThatThrownBy(() -> generator.generate("", greedy().build(), pieces::add))
                .isInstanceOf(GenerateException.class)
                .hasMessage(
                        "the prompt is empty and there is nothing to go on from;"
                                + " give a text of at least one token");
    }

    @Test
    void aVocabularyThatDoesNotFitIsRefused() {
        Session session = session(new RecitingModel(12));
        assertThatThrownBy(() -> new Generator(session, bytes))
                .isInstanceOf(GenerateException.class)
                .hasMessage(
                        "the vocabulary does not fit the model: its ids go up to 255, the model"
                                + " has 12 tokens; take the vocabulary that the model was trained with");
    }

    @Test
    void idsWithoutTextAreNeverDrawn() {
        WorldTokenizer tokenizer = world("a", "b");
        // The model would like to say 7, which has no text.
        Session session = session(new RecitingModel(8, 1, 7, 7, 7));
        GenerationOptions options =
                GenerationOptions.builder()
                        .sampling(SamplerSettings.builder().bannedTokens(0).topP(1).seed(3).build())
                        .maxTokens(50)
                        .build();
        Generation result = new Generator(session, tokenizer).generate("a", options, pieces::add);
        assertThat(result.text()).hasSize(50).matches("[ab]+").contains("a", "b");
    }

    @Test
    void aSeedReproducesItsText() {
        assertThat(random(7)).isEqualTo(random(7)).isNotEqualTo(random(8));
    }

    private String random(long seed) {
        GenerationOptions options =
                GenerationOptions.builder()
                        .sampling(
                                SamplerSettings.builder()
                                        .topP(1)
                                        .presencePenalty(0.5)
                                        .seed(seed)
                                        .build())
                        .maxTokens(60)
                        .build();
        return new Generator(reciting("x"), bytes).generate("x", options, pieces::add).text();
    }

    @Test
    void penaltiesSeeTheTokensDrawn() {
        GenerationOptions options =
                greedy().sampling(
                                SamplerSettings.builder()
                                        .temperature(0)
                                        .presencePenalty(50)
                                        .build())
                        .maxTokens(2)
                        .build();
        // The model wants "aa"; the second is penalised, the prompt's "a" does not count.
        Generation result =
                new Generator(reciting("aaa"), bytes).generate("a", options, pieces::add);
        assertThat(result.text()).startsWith("a");
        assertThat(result.tokens().get(1)).isNotEqualTo((int) 'a');
    }

    @Test
    void optionsOutOfRangeAreRefusedByName() {
        assertThatThrownBy(() -> greedy().maxTokens(-1).build())
                .isInstanceOf(GenerateException.class)
                .hasMessage("the token budget is -1, expected 0 or more");
        assertThatThrownBy(() -> greedy().stops(List.of("a", "")).build())
                .hasMessage("stop sequence 2 has 0 bytes, expected 1 to 1024");
        assertThatThrownBy(() -> greedy().stops(List.of("x".repeat(1025))).build())
                .hasMessage("stop sequence 1 has 1025 bytes, expected 1 to 1024");
    }
}
