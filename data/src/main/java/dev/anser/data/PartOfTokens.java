package dev.anser.data;

import java.util.Objects;

/// A part of other tokens, which it closes.
final class PartOfTokens implements Tokens {
    private final Tokens whole;
    private final long from;
    private final long size;

    PartOfTokens(Tokens whole, double from, double to) {
        Fractions.require(from, to);
        this.whole = whole;
        this.from = Fractions.position(from, whole.size());
        this.size = Fractions.position(to, whole.size()) - this.from;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public void read(long position, int[] target, int offset, int count) {
        Objects.checkFromIndexSize(position, count, size);
        whole.read(from + position, target, offset, count);
    }

    @Override
    public int largest() {
        return whole.largest();
    }

    @Override
    public String digest() {
        return whole.digest() + "[" + from + ".." + (from + size) + "]";
    }

    @Override
    public void close() {
        whole.close();
    }
}
