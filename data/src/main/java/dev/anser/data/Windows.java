package dev.anser.data;

/// What samples of every order check.
final class Windows {
    private Windows() {}

    static void requireLength(int length) {
        if (length < 1) {
            throw new DataException("the context is " + length + " tokens; expected 1 or more");
        }
    }

    static void requireIndex(long index) {
        if (index < 0) {
            throw new DataException("sample " + index + " was asked for; expected 0 or more");
        }
    }
}
