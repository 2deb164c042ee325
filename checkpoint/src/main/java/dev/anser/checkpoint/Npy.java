package dev.anser.checkpoint;

import dev.anser.base.AnserException;
import dev.anser.base.WholeFile;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// Reads and writes NumPy's `.npy` files: one array each, little-endian, row-major.
public final class Npy {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

    /// What writes the elements of a file.
    @FunctionalInterface
    public interface Content {
        /// Appends every element, in row-major order.
        void writeTo(Writer writer);
    }

    private Npy() {}

    /// Reads the array in `path` into the Java heap: i1 i2 i4 i8, u1 u2, f4 f8 and b1.
    ///
    /// @throws ModelFormatException when it is not such a file
    /// @throws AnserException when there is no such file or it cannot be read
    public static NpyArray read(Path path) {
        if (Files.isDirectory(path) || (Files.exists(path) && !Files.isRegularFile(path))) {
            throw new AnserException(path + ": is not a regular file, expected a .npy file");
        }
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            long size = channel.size();
            MemorySegment bytes =
                    size == 0
                            ? MemorySegment.NULL
                            : channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
            return read(bytes, path.toString());
        } catch (IOException e) {
            throw Checkpoints.unreadable(path, e);
        }
    }

    /// Reads the array in `bytes`, which are copied.
    ///
    /// @param source the name errors use
    /// @throws ModelFormatException when they are not such a file
    public static NpyArray read(MemorySegment bytes, String source) {
        return new NpyHeader(new FileBytes(source, bytes)).read();
    }

    /// Writes a float32 array of `shape`, whole or not at all, while its elements are being made.
    ///
    /// @throws AnserException when `content` does not append as many elements as `shape` has, or
    ///   the file cannot be written
    public static void write(Path target, Shape shape, Content content) {
        WholeFile.write(
                target,
                channel -> {
                    Safetensors.writeAll(channel, ByteBuffer.wrap(header(shape)));
                    Writer writer = new Writer(target, shape, channel);
                    content.writeTo(writer);
                    writer.finish();
                });
    }

    private static byte[] header(Shape shape) {
        StringBuilder text =
                new StringBuilder("{'descr': '<f4', 'fortran_order': False, 'shape': (");
        for (int axis = 0; axis < shape.rank(); axis++) {
            text.append(shape.size(axis)).append(shape.rank() == 1 ? "," : "");
            text.append(axis + 1 < shape.rank() ? ", " : "");
        }
        text.append("), }");
        while ((MAGIC.length + 4 + text.length() + 1) % 64 != 0) {
            text.append(' ');
        }
        text.append('\n');
        ByteBuffer header =
                ByteBuffer.allocate(MAGIC.length + 4 + text.length())
                        .order(ByteOrder.LITTLE_ENDIAN);
        header.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) text.length());
        return header.put(text.toString().getBytes(StandardCharsets.US_ASCII)).array();
    }

    /// Takes the elements of one file, some at a time. For one thread, within
    /// [Content#writeTo(Writer)].
    public static final class Writer {
        private final Path target;
        private final Shape shape;
        private final FileChannel channel;
        private final ByteBuffer buffer =
                ByteBuffer.allocateDirect(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        private long left;

        private Writer(Path target, Shape shape, FileChannel channel) {
            this.target = target;
            this.shape = shape;
            this.channel = channel;
            this.left = shape.elements();
        }

        /// Appends all of `values`, which are copied.
        public void append(float[] values) {
            take(values.length);
            for (float value : values) {
                if (!buffer.hasRemaining()) {
                    flush();
                }
                buffer.putFloat(value);
            }
        }

        /// Appends all elements of an F32 tensor, borrowed for the call.
        public void append(Tensor values) {
            if (values.dtype() != DType.F32) {
                throw new AnserException(target + ": takes F32 values, not " + values);
            }
            take(values.elements());
            flush();
            try {
                Safetensors.writeAll(channel, values.segment());
            } catch (IOException e) {
                throw failed(e);
            }
        }

        private void take(long elements) {
            if (elements > left) {
                throw new AnserException(
                        target + ": got more elements than its shape " + shape + " has");
            }
            left -= elements;
        }

        private void finish() {
            if (left != 0) {
                throw new AnserException(
                        target
                                + ": got "
                                + left
                                + " elements fewer than its shape "
                                + shape
                                + " has");
            }
            flush();
        }

        private void flush() {
            try {
                Safetensors.writeAll(channel, buffer.flip());
            } catch (IOException e) {
                throw failed(e);
            }
            buffer.clear();
        }

        private AnserException failed(IOException e) {
            return new AnserException(
                    target
                            + ": could not be written ("
                            + e.getMessage()
                            + "); nothing was left behind",
                    e);
        }
    }
}
