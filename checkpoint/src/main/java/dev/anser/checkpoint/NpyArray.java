package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// An array read from a `.npy` file, on the Java heap. Every accessor returns a new array.
public final class NpyArray {
    /// The element types that are read.
    enum Kind {
        I1(1),
        I2(2),
        I4(4),
        I8(8),
        U1(1),
        U2(2),
        F4(4),
        F8(8),
        B1(1);

        private final int bytes;

        Kind(int bytes) {
            this.bytes = bytes;
        }

        int bytes() {
            return bytes;
        }

        /// NumPy's name, as `f4`.
        String code() {
            return (char) (name().charAt(0) + ('a' - 'A')) + name().substring(1);
        }
    }

    private final String source;
    private final Kind kind;
    private final Shape shape;
    private final byte[] data;

    NpyArray(String source, Kind kind, Shape shape, byte[] data) {
        this.source = source;
        this.kind = kind;
        this.shape = shape;
        this.data = data;
    }

    /// The sizes of the axes.
    public Shape shape() {
        return shape;
    }

    /// NumPy's name of the element type, as `f4` or `i8`.
    public String type() {
        return kind.code();
    }

    /// The elements as longs.
    ///
    /// @throws AnserException when they are floats
    public long[] longs() {
        if (kind == Kind.F4 || kind == Kind.F8) {
            throw new AnserException(
                    source + ": holds " + type() + " values, expected whole numbers");
        }
        ByteBuffer bytes = bytes();
        long[] values = new long[size()];
        for (int i = 0; i < values.length; i++) {
            values[i] =
                    switch (kind) {
                        case I1 -> bytes.get();
                        case I2 -> bytes.getShort();
                        case I4 -> bytes.getInt();
                        case I8 -> bytes.getLong();
                        case U1 -> bytes.get() & 0xff;
                        case U2 -> bytes.getShort() & 0xffff;
                        default -> bytes.get() == 0 ? 0 : 1;
                    };
        }
        return values;
    }

    /// The elements as ints.
    ///
    /// @throws AnserException when they are floats, or one does not fit
    public int[] ints() {
        long[] wide = longs();
        int[] values = new int[wide.length];
        for (int i = 0; i < values.length; i++) {
            if (wide[i] != (int) wide[i]) {
                throw new AnserException(
                        source + ": element " + i + " is " + wide[i] + ", beyond 32 bits");
            }
            values[i] = (int) wide[i];
        }
        return values;
    }

    /// The elements as doubles; longs beyond 2^53 are rounded.
    public double[] doubles() {
        double[] values = new double[size()];
        if (kind == Kind.F4 || kind == Kind.F8) {
            ByteBuffer bytes = bytes();
            for (int i = 0; i < values.length; i++) {
                values[i] = kind == Kind.F4 ? bytes.getFloat() : bytes.getDouble();
            }
        } else {
            long[] longs = longs();
            for (int i = 0; i < values.length; i++) {
                values[i] = longs[i];
            }
        }
        return values;
    }

    /// The elements as floats; what a float cannot hold is rounded to the nearest.
    public float[] floats() {
        float[] values = new float[size()];
        if (kind == Kind.F4) {
            bytes().asFloatBuffer().get(values);
        } else {
            double[] doubles = doubles();
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) doubles[i];
            }
        }
        return values;
    }

    private int size() {
        return data.length / kind.bytes();
    }

    private ByteBuffer bytes() {
        return ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
    }
}
