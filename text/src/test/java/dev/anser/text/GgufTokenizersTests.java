package dev.anser.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Tokenizers out of the metadata of GGUF files.
class GgufTokenizersTests {
    private static final int INPUTS = Integer.getInteger("anser.mutations", 2_000);
    private static final long SEED = Long.getLong("anser.seed", 1);
    private static final String P = "tokenizer.ggml.";

    @TempDir Path folder;
    private Map<String, Object> bytes;
    private Map<String, Object> pieces;

    @BeforeEach
    void values() throws IOException {
        bytes = values("bytes.json", Goldens.bytes(), 800);
        pieces = values("pieces.json", Goldens.pieces(), 1024);
    }

    private Map<String, Object> values(String name, byte[] json, int count) throws IOException {
        Path file = Files.write(folder.resolve(name), json);
        return new LinkedHashMap<>(
                TokenizerConversion.of(file, HuggingFaceTokenizer.load(file), count).values());
    }

    private static Tokenizer read(Map<String, Object> values) {
        return GgufTokenizers.find("m.gguf", values).orElseThrow();
    }

    private List<?> list(String name) {
        return (List<?>) Objects.requireNonNull(pieces.get(P + name));
    }

    /// Merges as SentencePiece does: of all neighbours those that make the token with the highest
    /// score, the leftmost of equals; what is left and no token becomes bytes.
    private List<Integer> byScores(String text) {
        List<?> tokens = list("tokens");
        List<?> scores = list("scores");
        List<?> types = list("token_type");
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < tokens.size(); id++) {
            if (types.get(id).equals(1L)) {
                ids.put((String) tokens.get(id), id);
            }
        }
        List<String> parts = new ArrayList<>();
        ("▁" + text.replace(' ', '▁'))
                .codePoints()
                .forEach(symbol -> parts.add(Character.toString(symbol)));
        while (true) {
            int best = -1;
            double bestScore = Double.NEGATIVE_INFINITY;
            for (int i = 0; i + 1 < parts.size(); i++) {
                Integer id = ids.get(parts.get(i) + parts.get(i + 1));
                if (id != null && (double) scores.get(id) > bestScore) {
                    best = i;
                    bestScore = (double) scores.get(id);
                }
            }
            if (best < 0) {
                break;
            }
            parts.set(best, parts.get(best) + parts.remove(best + 1));
        }
        List<Integer> encoded = new ArrayList<>();
        for (String part : parts) {
            Integer id = ids.get(part);
            if (id != null) {
                encoded.add(id);
            } else {
                for (byte b : part.getBytes(StandardCharsets.UTF_8)) {
                    encoded.add(3 + (b & 0xff));
                }
            }
        }
        return encoded;
    }

    @Test
    void piecesAreMergedByScore() {
        Tokenizer tokenizer = read(pieces);
        for (byte[] line : Goldens.texts()) {
            String text = new String(line, StandardCharsets.UTF_8);
            if (!text.isEmpty()) {
                assertThat(tokenizer.encode(text))
                        .as(text)
                        .containsExactly(
                                byScores(text).stream().mapToInt(Integer::intValue).toArray());
            }
        }
    }

    @Test
    void marksAreThoseOfTheMetadata() {
        Tokenizer tokenizer = read(pieces);
        assertThat(tokenizer.beginOfText()).isEqualTo(1);
        assertThat(tokenizer.endOfText()).isEqualTo(2);
        pieces.put(P + "add_bos_token", false);
        pieces.put(P + "eos_token_id", 899L);
        pieces.put(P + "eot_token_id", 2L);
        Tokenizer other = read(pieces);
        assertThat(other.beginOfText()).isEqualTo(-1);
        assertThat(other.endOfText()).isEqualTo(899);
        assertThat(List.of(other.ends(899), other.ends(2), other.ends(1), other.ends(-1)))
                .containsExactly(true, true, false, false);
    }

    @Test
    void marksThatAreNotSaidAreThoseOfTheKind() {
        for (String name : List.of("bos_token_id", "eos_token_id", "add_bos_token")) {
            bytes.remove(P + name);
            pieces.remove(P + name);
        }
        assertThat(read(pieces).beginOfText()).isEqualTo(1);
        assertThat(read(pieces).endOfText()).isEqualTo(2);
        assertThat(read(bytes).beginOfText()).isEqualTo(-1);
        assertThat(read(bytes).endOfText()).isZero();
        bytes.put(P + "bos_token_id", 757L);
        assertThat(read(bytes).beginOfText()).isEqualTo(-1);
        bytes.put(P + "pre", "llama-bpe");
        assertThat(read(bytes).beginOfText()).isEqualTo(757);
    }

    @Test
    void aFileWithoutTypesAndNamesHasUsualTokens() {
        bytes.remove(P + "token_type");
        bytes.remove(P + "pre");
        assertThat(read(bytes).decode(read(bytes).encode("It's 1999, <|turn|>")))
                .asString()
                .isEqualTo("It's 1999, <|turn|>");
        assertThat(GgufTokenizers.find("m.gguf", Map.of())).isEmpty();
    }

    @Test
    void theFilesOfAFolderSayTheSame() throws IOException {
        pieces.put(P + "add_bos_token", false);
        pieces.put(P + "eot_token_id", 900L);
        pieces.put("tokenizer.chat_template", "{{ a }}");
        pieces.put("tokenizer.chat_template.tools", "{{ b }}");
        for (Map<String, Object> values : List.of(bytes, pieces)) {
            GgufTokenizers.files("m.gguf", values)
                    .forEach((name, content) -> write(folder.resolve(name), content));
            Tokenizer before = read(values);
            Tokenizer after = Tokenizers.load(folder.resolve("tokenizer.json"));
            for (byte[] text : Goldens.texts()) {
                assertThat(after.encode(text)).isEqualTo(before.encode(text));
            }
            assertThat(after.beginOfText()).isEqualTo(before.beginOfText());
            assertThat(after.endOfText()).isEqualTo(before.endOfText());
            assertThat(after.ends(900)).isEqualTo(before.ends(900));
        }
        assertThat(folder.resolve("tokenizer_config.json"))
                .content()
                .contains("{{ a }}", "{{ b }}");
        assertThat(folder.resolve("generation_config.json")).content().contains("[900]");
        assertThat(GgufTokenizers.files("m.gguf", Map.of())).isEmpty();
    }

    @Test
    void theMarkInFrontIsInTheTokenizerItself() {
        byte[] json =
                Objects.requireNonNull(GgufTokenizers.files("m", pieces).get("tokenizer.json"));
        assertThat(HuggingFaceTokenizer.load("t", json).beginOfText()).isEqualTo(1);
    }

    @Test
    void aWorldVocabularyBecomesItsFile() {
        Map<String, Object> values =
                Map.of(P + "model", "rwkv", P + "tokens", List.of("<s>", "a", "it's\\n", "\\xff"));
        byte[] text = {'a', 'i', 't', '\'', 's', '\n', (byte) 0xff};
        byte[] file =
                Objects.requireNonNull(GgufTokenizers.files("m", values).get("rwkv_vocab.txt"));
        assertThat(WorldTokenizer.load("v", file).encode(text)).containsExactly(1, 2, 3);
        assertThat(read(values).encode(text)).containsExactly(1, 2, 3);
    }

    private static void write(Path file, byte[] content) {
        try {
            Files.write(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void whatIsNotKnownIsRefusedByName() {
        for (String kind : List.of("bert", "t5", "plamo2", "none")) {
            bytes.put(P + "model", kind);
            assertThatThrownBy(() -> read(bytes))
                    .isInstanceOf(TokenizerException.class)
                    .hasMessageStartingWith("m.gguf")
                    .hasMessageContaining(kind)
                    .hasMessageContaining("rwkv, gpt2 or llama")
                    .hasMessageEndingWith("--vocab FILE");
        }
        bytes.put(P + "model", "gpt2");
        bytes.put(P + "pre", "chameleon");
        assertThatThrownBy(() -> read(bytes))
                .hasMessageContaining("chameleon")
                .hasMessageContaining("llama-bpe")
                .hasMessageEndingWith("--vocab FILE");
    }

    @Test
    void damageIsOneClearLine() {
        refused("m.gguf: ", "model is a list of 0", it -> it.put(P + "model", List.of()));
        refused("tokens is 7", "a list of texts", it -> it.put(P + "tokens", 7L));
        refused("tokens is empty", "--vocab", it -> it.put(P + "tokens", List.of()));
        refused("tokens[1] is 5", "texts", it -> it.put(P + "tokens", List.of("a", 5L)));
        refused("token_type has 1 items", "800", it -> it.put(P + "token_type", List.of(1L)));
        refused("token_type[3] is 9", "0 to 6", it -> set(it, "token_type", 3, 9L));
        refused("tokens[5] is \"#\"", "tokens[3] is too", it -> set(it, "tokens", 5, "#"));
        refused("tokens[5] has 0", "1 to 1024", it -> set(it, "tokens", 5, ""));
        refused("tokens[5] has 2000", "1 to 1024", it -> set(it, "tokens", 5, "x".repeat(2000)));
        refused("merges[0] is \"q\"", "\"\" is no token", it -> set(it, "merges", 0, "q"));
        refused("merges[9] is \"q z\"", "\"qz\" is no", it -> set(it, "merges", 9, "q z"));
        refused("merges[9] is \"a b c\"", "\"b c\"", it -> set(it, "merges", 9, "a b c"));
        refused("bos_token_id is 800", "end at 799", it -> it.put(P + "bos_token_id", 800L));
        refused("eos_token_id is -1", "end at 799", it -> it.put(P + "eos_token_id", -1L));
        refused("eot_token_id is x", "a token id", it -> it.put(P + "eot_token_id", "x"));
        refused("add_bos_token is 1", "true or false", it -> it.put(P + "add_bos_token", 1L));
        refused(
                "add_bos_token is true",
                "no bos_token_id",
                it -> it.put(P + "add_bos_token", true));
        Map<String, Object> scores = new LinkedHashMap<>(pieces);
        scores.put(P + "scores", List.of(0.5));
        assertThatThrownBy(() -> read(scores)).hasMessageContaining("scores has 1 items for 1024");
    }

    private static void set(Map<String, Object> values, String name, int at, Object item) {
        List<Object> list = new ArrayList<>((List<?>) values.get(P + name));
        list.set(at, item);
        values.put(P + name, list);
    }

    private void refused(String what, String expected, Consumer<Map<String, Object>> damage) {
        Map<String, Object> values = new LinkedHashMap<>(bytes);
        damage.accept(values);
        assertThatThrownBy(() -> read(values))
                .isInstanceOf(TokenizerException.class)
                .hasMessageStartingWith("m.gguf: ")
                .hasMessageContaining(what)
                .hasMessageContaining(expected)
                .message()
                .hasLineCount(1);
    }

    /// Thousands of damaged versions of honest metadata, the same in every run:
    /// `-Danser.mutations=N` asks for more of them and `-Danser.seed=S` for others.
    @Test
    void damagedMetadataIsReadOrRefused() {
        int accepted = 0;
        for (int i = 0; i < INPUTS; i++) {
            SplittableRandom random = new SplittableRandom(SEED * 1_000_003 + i);
            Map<String, Object> values = small(random.nextBoolean());
            for (int j = random.nextInt(4); j >= 0; j--) {
                mutate(values, random);
            }
            try {
                Tokenizer tokenizer = GgufTokenizers.find("m.gguf", values).orElse(null);
                if (tokenizer != null) {
                    accepted++;
                    tokenizer.decode(tokenizer.encode("a ab\nba  b"));
                }
            } catch (TokenizerException e) {
                assertThat(e.getMessage()).hasLineCount(1);
            } catch (RuntimeException | Error e) {
                throw new AssertionError("input " + i + " of seed " + SEED + ": " + values, e);
            }
        }
        assertThat(accepted).isBetween(1, INPUTS - 1);
    }

    private static Map<String, Object> small(boolean scored) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put(P + "model", scored ? "llama" : "gpt2");
        values.put(P + "pre", scored ? "default" : "gpt-2");
        String space = scored ? "▁" : "Ġ";
        values.put(
                P + "tokens",
                List.of("<unk>", "<s>", "</s>", "<0x00>", "a", "b", space, "ab", space + "a", "Ċ"));
        values.put(P + "token_type", List.of(2L, 3L, 3L, 6L, 1L, 1L, 1L, 1L, 1L, 1L));
        if (scored) {
            values.put(
                    P + "scores", List.of(0.0, 0.0, 0.0, 0.0, -9.0, -8.0, -7.0, -1.0, -2.0, 0.0));
        } else {
            values.put(P + "merges", List.of("a b", space + " a"));
        }
        values.put(P + "bos_token_id", 1L);
        values.put(P + "eos_token_id", 2L);
        values.put(P + "add_bos_token", true);
        return values;
    }

    private static void mutate(Map<String, Object> values, SplittableRandom random) {
        List<String> names = List.copyOf(values.keySet());
        String name = names.get(random.nextInt(names.size()));
        if (values.get(name) instanceof List<?> list && !list.isEmpty() && random.nextInt(8) > 0) {
            List<Object> copy = new ArrayList<>(list);
            int at = random.nextInt(copy.size());
            switch (random.nextInt(4)) {
                case 0 -> copy.remove(at);
                case 1 -> copy.add(at, copy.get(random.nextInt(copy.size())));
                case 2 -> copy.set(at, copy.get(random.nextInt(copy.size())));
                default -> copy.set(at, value(random));
            }
            values.put(name, copy);
        } else if (random.nextInt(4) == 0) {
            values.remove(name);
        } else {
            values.put(name, value(random));
        }
    }

    private static Object value(SplittableRandom random) {
        return switch (random.nextInt(12)) {
            case 0 -> "";
            case 1 -> " ";
            case 2 -> "a ab";
            case 3 -> "<0x41>";
            case 4 -> "\u0000\uffff😀";
            case 5 -> random.nextLong();
            case 6 -> (long) random.nextInt(-1, 12);
            case 7 -> Double.NaN;
            case 8 -> random.nextDouble();
            case 9 -> random.nextBoolean();
            case 10 -> List.of();
            default -> "x".repeat(random.nextInt(3000));
        };
    }
}
