package dev.anser.text;

/// The vocabulary of byte-level models: 256 ids, each the byte of that value. There is no
/// end-of-document token.
public final class ByteTokenizer implements Tokenizer {
    /// Creates the tokenizer.
    public ByteTokenizer() {}

    @Override
    public int[] encode(byte[] bytes) {
        int[] ids = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            ids[i] = bytes[i] & 0xff;
        }
        return ids;
    }

    @Override
    public byte[] bytes(int id) {
        return decode(id);
    }

    @Override
    public byte[] decode(int... ids) {
        byte[] bytes = new byte[ids.length];
        for (int i = 0; i < ids.length; i++) {
            if (!contains(ids[i])) {
                throw new TokenizerException(
                        "token id "
                                + ids[i]
                                + " at position "
                                + i
                                + " is not a byte, expected 0 to 255");
            }
            bytes[i] = (byte) ids[i];
        }
        return bytes;
    }

    @Override
    public int vocabularySize() {
        return 256;
    }

    @Override
    public boolean greedy() {
        return true;
    }

    @Override
    public int endOfText() {
        return -1;
    }
}
