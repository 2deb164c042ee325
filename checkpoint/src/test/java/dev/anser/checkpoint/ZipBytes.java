package dev.anser.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/// Writes zips of stored records, as `torch.save` does; a record may be a hole of any size, and
/// zip64 can be forced.
final class ZipBytes {
    private record Item(String name, byte[] head, long size) {}

    private final List<Item> items = new ArrayList<>();
    private boolean zip64;
    private int method;

    static ZipBytes torch(byte[] pickle) {
        return new ZipBytes().add("any name/data.pkl", pickle);
    }

    ZipBytes add(String name, byte[] data) {
        return add(name, data, data.length);
    }

    /// A record that begins with `head` and goes on with zeros up to `size` bytes.
    ZipBytes add(String name, byte[] head, long size) {
        items.add(new Item(name, head, size));
        return this;
    }

    ZipBytes zip64() {
        zip64 = true;
        return this;
    }

    ZipBytes method(int method) {
        this.method = method;
        return this;
    }

    byte[] toBytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            write(
                    new Sink() {
                        @Override
                        public void write(byte[] bytes) {
                            out.writeBytes(bytes);
                        }

                        @Override
                        public void skip(long zeros) {
                            out.writeBytes(new byte[Math.toIntExact(zeros)]);
                        }

                        @Override
                        public long position() {
                            return out.size();
                        }
                    });
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return out.toByteArray();
    }

    /// Writes a sparse file: holes take no disk.
    void toFile(Path path) throws IOException {
        try (FileChannel channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE_NEW,
                        StandardOpenOption.SPARSE,
                        StandardOpenOption.WRITE)) {
            write(
                    new Sink() {
                        @Override
                        public void write(byte[] bytes) throws IOException {
                            channel.write(ByteBuffer.wrap(bytes));
                        }

                        @Override
                        public void skip(long zeros) throws IOException {
                            channel.position(channel.position() + zeros);
                        }

                        @Override
                        public long position() throws IOException {
                            return channel.position();
                        }
                    });
        }
    }

    private interface Sink {
        void write(byte[] bytes) throws IOException;

        void skip(long zeros) throws IOException;

        long position() throws IOException;
    }

    private void write(Sink sink) throws IOException {
        List<Long> offsets = new ArrayList<>();
        for (Item item : items) {
            offsets.add(sink.position());
            byte[] name = item.name().getBytes(StandardCharsets.UTF_8);
            ByteBuffer local = buffer(30 + name.length + (zip64 ? 20 : 0));
            local.putInt(0x04034b50).putShort((short) 45).putShort((short) 0x800);
            local.putShort((short) method).putInt(0).putInt(0);
            local.putInt(size(item)).putInt(size(item));
            local.putShort((short) name.length).putShort((short) (zip64 ? 20 : 0)).put(name);
            if (zip64) {
                local.putShort((short) 1).putShort((short) 16);
                local.putLong(item.size()).putLong(item.size());
            }
            sink.write(bytes(local));
            sink.write(item.head());
            sink.skip(item.size() - item.head().length);
        }
        long directory = sink.position();
        for (int i = 0; i < items.size(); i++) {
            Item item = items.get(i);
            byte[] name = item.name().getBytes(StandardCharsets.UTF_8);
            ByteBuffer central = buffer(46 + name.length + (zip64 ? 28 : 0));
            central.putInt(0x02014b50).putShort((short) 45).putShort((short) 45);
            central.putShort((short) 0x800).putShort((short) method).putInt(0).putInt(0);
            central.putInt(size(item)).putInt(size(item)).putShort((short) name.length);
            central.putShort((short) (zip64 ? 28 : 0)).putShort((short) 0).putShort((short) 0);
            central.putShort((short) 0).putInt(0);
            central.putInt(zip64 ? -1 : Math.toIntExact(offsets.get(i))).put(name);
            if (zip64) {
                central.putShort((short) 1).putShort((short) 24);
                central.putLong(item.size()).putLong(item.size()).putLong(offsets.get(i));
            }
            sink.write(bytes(central));
        }
        long end = sink.position();
        if (zip64) {
            ByteBuffer end64 = buffer(76);
            end64.putInt(0x06064b50).putLong(44).putShort((short) 45).putShort((short) 45);
            end64.putInt(0).putInt(0).putLong(items.size()).putLong(items.size());
            end64.putLong(end - directory).putLong(directory);
            end64.putInt(0x07064b50).putInt(0).putLong(end).putInt(1);
            sink.write(bytes(end64));
        }
        ByteBuffer tail = buffer(22);
        tail.putInt(0x06054b50).putInt(0);
        tail.putShort((short) items.size()).putShort((short) items.size());
        tail.putInt(zip64 ? -1 : Math.toIntExact(end - directory));
        tail.putInt(zip64 ? -1 : Math.toIntExact(directory)).putShort((short) 0);
        sink.write(bytes(tail));
    }

    private int size(Item item) {
        return zip64 ? -1 : Math.toIntExact(item.size());
    }

    private static byte[] bytes(ByteBuffer full) {
        byte[] bytes = new byte[full.flip().remaining()];
        full.get(bytes);
        return bytes;
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
