package dev.anser.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Decodes UTF-8 that arrives in pieces, such as the bytes of one token after the other, without
/// ever splitting a character.
///
/// The pieces together give exactly the text that `new String(allBytes, UTF_8)` gives: what is
/// malformed becomes U+FFFD, one for each maximal part, as Python does too but for encoded
/// surrogates, where it writes three and Java one. Only an unfinished character, at most three
/// bytes, is held back. Not for concurrent use.
public final class Utf8Stream {
    private final CharsetDecoder decoder =
            StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPLACE)
                    .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private ByteBuffer in = ByteBuffer.allocate(64);
    private CharBuffer out = CharBuffer.allocate(64);

    /// Creates a stream at the beginning of a text.
    public Utf8Stream() {}

    /// Adds `bytes` and returns the characters that are complete now; often none.
    public String accept(byte[] bytes) {
        return accept(bytes, 0, bytes.length);
    }

    /// Adds `length` bytes from `offset` and returns the characters that are complete now.
    public String accept(byte[] bytes, int offset, int length) {
        int held = in.position();
        if (in.remaining() < length) {
            in.flip();
            in = ByteBuffer.allocate(Math.addExact(held, length)).put(in);
        }
        in.put(bytes, offset, length);
        return decode(false);
    }

    /// Ends the text: returns U+FFFD for an unfinished character, or nothing. The stream starts
    /// anew.
    public String flush() {
        String rest = decode(true);
        decoder.reset();
        return rest;
    }

    /// Whether the bytes so far end inside a character.
    public boolean pending() {
        return in.position() > 0;
    }

    private String decode(boolean end) {
        in.flip();
        // No byte gives more than one char, so one pass suffices.
        if (out.capacity() < in.remaining()) {
            out = CharBuffer.allocate(in.remaining());
        }
        out.clear();
        decoder.decode(in, out, end);
        in.compact();
        return out.flip().toString();
    }
}
