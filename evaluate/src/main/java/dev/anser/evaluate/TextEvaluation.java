package dev.anser.evaluate;

import dev.anser.data.Documents;
import dev.anser.model.LanguageModel;
import dev.anser.model.State;
import dev.anser.tensor.EagerOps;
import dev.anser.text.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.util.function.IntConsumer;

/// Scores texts: cross entropy, perplexity, bits per byte.
///
/// Every document begins with the same state and is read to its end with the state carried along,
/// so each token is predicted from all that stands before it in its document; there is no window.
/// Where the vocabulary has a begin-of-text token, or else one for the end of a document, the model
/// reads it first, as in training, and predicts the first token too; else it begins with the
/// second.
///
/// ```java
/// TextEvaluation evaluation = new TextEvaluation(model, ops, tokenizer, begin, tokens -> {});
/// documents.read(Path.of("books.txt"), evaluation, bytes -> {});
/// double bitsPerByte = evaluation.score().bitsPerByte();
/// ```
public final class TextEvaluation implements Documents.Sink {
    private static final int MAX_DOCUMENT_BYTES = 1 << 30;

    private final Scorer scorer;
    private final Tokenizer tokenizer;
    private final State begin;
    private final ByteArrayOutputStream document = new ByteArrayOutputStream();
    private TextScore score = TextScore.NONE;

    /// Borrows all of it.
    ///
    /// @param begin the state that every document begins with; not changed
    /// @param progress is told of the tokens of each pass; what it throws ends the evaluation
    public TextEvaluation(
            LanguageModel model,
            EagerOps ops,
            Tokenizer tokenizer,
            State begin,
            IntConsumer progress) {
        this.scorer = new Scorer(model, ops, progress);
        this.tokenizer = tokenizer;
        this.begin = begin;
    }

    @Override
    public void add(byte[] bytes, int offset, int count) {
        if (document.size() > MAX_DOCUMENT_BYTES - count) {
            throw new EvaluateException(
                    "a document has more than "
                            + MAX_DOCUMENT_BYTES
                            + " bytes; cut it, or say what stands between documents");
        }
        document.write(bytes, offset, count);
    }

    @Override
    public void end() {
        int[] text = tokenizer.encode(document.toByteArray());
        document.reset();
        if (text.length == 0) {
            return;
        }
        int[] ids = Scorer.document(tokenizer, text);
        long bytes = 0;
        for (int i = 1; i < ids.length; i++) {
            bytes += tokenizer.bytes(ids[i]).length;
        }
        try (State state = begin.copy()) {
            score =
                    new TextScore(
                            score.documents() + 1,
                            score.bytes() + bytes,
                            score.score().plus(scorer.score(state, ids, 1)));
        }
    }

    /// The score of all documents that have ended.
    public TextScore score() {
        return score;
    }
}
