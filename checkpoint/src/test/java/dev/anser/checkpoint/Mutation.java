package dev.anser.checkpoint;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/// Damages an honest file in one to four ways that lengths, offsets, counts and names suffer from.
final class Mutation {
    private static final long[] NUMBERS = {
        0,
        1,
        2,
        7,
        8,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0xffff,
        0x7fffffffL,
        0x80000000L,
        0xffffffffL,
        1L << 40,
        1L << 62,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1,
        -8,
    };

    private Mutation() {}

    static byte[] of(List<byte[]> seeds, SplittableRandom random) {
        byte[] bytes = seeds.get(random.nextInt(seeds.size())).clone();
        int steps = 1 + random.nextInt(4);
        for (int step = 0; step < steps && bytes.length > 0; step++) {
            bytes = once(bytes, seeds, random);
        }
        return bytes;
    }

    private static byte[] once(byte[] bytes, List<byte[]> seeds, SplittableRandom random) {
        int at = random.nextInt(bytes.length);
        int length = 1 + random.nextInt(Math.min(64, bytes.length - at));
        switch (random.nextInt(12)) {
            case 0, 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> bytes[at] = (byte) random.nextInt();
            case 3, 4, 5 -> rewriteNumber(bytes, at, random);
            case 6 -> bytes = rewriteDigits(bytes, at, random);
            case 7 -> bytes = Arrays.copyOf(bytes, at);
            case 8 -> bytes = splice(bytes, at, at + length, new byte[0]);
            case 9 -> bytes = splice(bytes, at, at, Arrays.copyOfRange(bytes, at, at + length));
            case 10 -> {
                byte[] other = seeds.get(random.nextInt(seeds.size()));
                int from = random.nextInt(other.length);
                int to = from + 1 + random.nextInt(Math.min(64, other.length - from));
                bytes = splice(bytes, at, at + length, Arrays.copyOfRange(other, from, to));
            }
            default -> {
                int from = random.nextInt(bytes.length - length + 1);
                System.arraycopy(bytes.clone(), from, bytes, at, length);
            }
        }
        return bytes;
    }

    private static void rewriteNumber(byte[] bytes, int at, SplittableRandom random) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long number =
                switch (random.nextInt(3)) {
                    case 0 -> NUMBERS[random.nextInt(NUMBERS.length)];
                    case 1 -> bytes.length + random.nextInt(-9, 10);
                    default -> bytes[at] + random.nextInt(-4, 5);
                };
        int width = 1 << random.nextInt(4);
        if (at + width > bytes.length) {
            return;
        }
        switch (width) {
            case 1 -> buffer.put(at, (byte) number);
            case 2 -> buffer.putShort(at, (short) number);
            case 4 -> buffer.putInt(at, (int) number);
            default -> buffer.putLong(at, number);
        }
    }

    /// Puts another number in the place of the first one written in digits from `at` on.
    private static byte[] rewriteDigits(byte[] bytes, int at, SplittableRandom random) {
        int start = at;
        while (start < bytes.length && !digit(bytes[start])) {
            start++;
        }
        int end = start;
        while (end < bytes.length && digit(bytes[end])) {
            end++;
        }
        if (start == end) {
            return bytes;
        }
        long number =
                random.nextBoolean()
                        ? NUMBERS[random.nextInt(NUMBERS.length)]
                        : random.nextInt(0, 100);
        byte[] digits = Long.toString(number).getBytes(StandardCharsets.US_ASCII);
        // Of the same length where possible, so that the lengths around it still hold.
        byte[] put = random.nextBoolean() ? digits : Arrays.copyOf(digits, end - start);
        for (int i = digits.length; i < put.length; i++) {
            put[i] = ' ';
        }
        return splice(bytes, start, end, put);
    }

    private static boolean digit(byte b) {
        return b >= '0' && b <= '9';
    }

    private static byte[] splice(byte[] bytes, int from, int to, byte[] middle) {
        return ByteBuffer.allocate(bytes.length - (to - from) + middle.length)
                .put(bytes, 0, from)
                .put(middle)
                .put(bytes, to, bytes.length - to)
                .array();
    }
}
