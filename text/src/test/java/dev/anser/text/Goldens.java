package dev.anser.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/// What the reference implementation gives, from the test resources.
final class Goldens {
    private Goldens() {}

    static byte[] worldVocabulary() {
        return unpacked("rwkv_vocab_v20230424.txt.gz");
    }

    static byte[] neox() {
        return unpacked("20B_tokenizer.json.gz");
    }

    /// A byte-level tokenizer of 759 tokens, learned from Shakespeare.
    static byte[] bytes() {
        return unpacked("bytes-tokenizer.json.gz");
    }

    /// One of SentencePiece's kind, its merges as Hugging Face's converter derives them.
    static byte[] pieces() {
        return unpacked("pieces-tokenizer.json.gz");
    }

    /// 150 texts of many kinds.
    static List<byte[]> texts() {
        return lines("neox20b.tsv").stream()
                .map(line -> Base64.getDecoder().decode(line.substring(0, line.indexOf('\t'))))
                .toList();
    }

    private static byte[] unpacked(String name) {
        try (InputStream in = open(name);
                GZIPInputStream unpacked = new GZIPInputStream(in)) {
            return unpacked.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<String> lines(String name) {
        try (InputStream in = open(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static InputStream open(String name) {
        return Objects.requireNonNull(Goldens.class.getResourceAsStream("/golden/" + name), name);
    }
}
