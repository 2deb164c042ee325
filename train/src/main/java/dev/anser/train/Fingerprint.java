package dev.anser.train;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.InitialState;
import dev.anser.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.TreeSet;

/// Tells which model an adapter was made for.
final class Fingerprint {
    /// Under this name an adapter has the fingerprint of its base.
    static final String KEY = "base_fingerprint";

    private static final int SAMPLES = 1024;

    private Fingerprint() {}

    /// Names, shapes and up to 1024 numbers of each tensor, evenly spaced, as 32 hexadecimal
    /// digits. It does not depend on the file format, nor on the type of numbers that both can
    /// hold; a learned initial state does not count.
    static String of(Checkpoint checkpoint) {
        MessageDigest digest = sha256();
        for (String name : new TreeSet<>(checkpoint.names())) {
            Tensor tensor = checkpoint.tensor(name);
            if (InitialState.isName(name) || !tensor.dtype().computable()) {
                continue;
            }
            digest.update((name + tensor.shape()).getBytes(StandardCharsets.UTF_8));
            long elements = tensor.elements();
            int samples = (int) Math.min(elements, SAMPLES);
            ByteBuffer numbers = ByteBuffer.allocate(4 * samples);
            for (int i = 0; i < samples; i++) {
                numbers.putFloat(tensor.get(elements / samples * i));
            }
            digest.update(numbers.flip());
        }
        return HexFormat.of().formatHex(digest.digest(), 0, 16);
    }

    /// Refuses an adapter that says that it was made for another base. One that says nothing, as
    /// those of other programs do, is checked by its shapes alone.
    ///
    /// @throws TrainingException when the fingerprints differ
    static void requireSame(Checkpoint adapter, Checkpoint base, String fingerprint) {
        String made = adapter.metadata().get(KEY);
        if (made != null && !made.equals(fingerprint)) {
            throw new TrainingException(
                    adapter.source()
                            + ": was made for another model, "
                            + made
                            + "; "
                            + base.source()
                            + " is "
                            + fingerprint
                            + ". Give the model that it was trained on");
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
