package dev.anser.checkpoint;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/// Writes a zip of stored records as `torch.save` does: every record's bytes begin at a multiple of
/// 64, so that they can be mapped. Sizes and offsets of 4 GiB or more go into zip64 fields.
///
/// Records carry no time: the same records give the same bytes.
final class ZipWriter {
    private static final int ALIGNMENT = 64;
    private static final int LOCAL_BYTES = 30;
    private static final int CRC_OFFSET = 14;
    private static final int ZIP64_FIELD = 1;
    // "FB": what PyTorch calls its padding.
    private static final int PADDING_FIELD = 0x4246;
    private static final int VERSION = 45;
    private static final long SLICE_BYTES = 1L << 28;
    private static final int MARKER = -1;

    private record Item(byte[] name, long offset, long size, int crc) {}

    private final FileChannel channel;
    private final long wideFrom;
    private final List<Item> items = new ArrayList<>();

    /// A writer to `channel`, which it borrows.
    ZipWriter(FileChannel channel) {
        this(channel, 0xffff_ffffL);
    }

    /// @param wideFrom the least size or offset that is written in zip64 fields, for tests
    ZipWriter(FileChannel channel, long wideFrom) {
        this.channel = channel;
        this.wideFrom = wideFrom;
    }

    /// Adds a record of all of `data`.
    void add(String name, MemorySegment data) throws IOException {
        byte[] path = name.getBytes(StandardCharsets.UTF_8);
        long offset = channel.position();
        long size = data.byteSize();
        writeLocal(path, offset, size);
        CRC32 crc = new CRC32();
        for (long at = 0; at < size; at += SLICE_BYTES) {
            MemorySegment slice = data.asSlice(at, Math.min(SLICE_BYTES, size - at));
            crc.update(slice.asByteBuffer());
            Safetensors.writeAll(channel, slice.asByteBuffer());
        }
        ByteBuffer sum = buffer(4).putInt((int) crc.getValue()).flip();
        long sumAt = offset + CRC_OFFSET;
        while (sum.hasRemaining()) {
            sumAt += channel.write(sum, sumAt);
        }
        items.add(new Item(path, offset, size, (int) crc.getValue()));
    }

    /// Writes the directory, after which nothing may be added.
    void finish() throws IOException {
        long start = channel.position();
        boolean wide = start >= wideFrom || items.size() >= 0xffff;
        for (Item item : items) {
            wide |= isWide(item);
            Safetensors.writeAll(channel, central(item));
        }
        long end = channel.position();
        if (wide) {
            ByteBuffer end64 = buffer(76);
            end64.putInt(ZipDirectory.END64).putLong(44);
            end64.putShort((short) VERSION).putShort((short) VERSION).putInt(0).putInt(0);
            end64.putLong(items.size()).putLong(items.size());
            end64.putLong(end - start).putLong(start);
            end64.putInt(ZipDirectory.END64_LOCATOR).putInt(0).putLong(end).putInt(1);
            Safetensors.writeAll(channel, end64.flip());
        }
        ByteBuffer tail = buffer(22).putInt(ZipDirectory.END).putInt(0);
        short records = (short) (wide ? MARKER : items.size());
        tail.putShort(records).putShort(records);
        tail.putInt(wide ? MARKER : (int) (end - start)).putInt(wide ? MARKER : (int) start);
        Safetensors.writeAll(channel, tail.putShort((short) 0).flip());
    }

    private void writeLocal(byte[] name, long offset, long size) throws IOException {
        boolean wide = size >= wideFrom;
        int fields = (wide ? 20 : 0) + 4;
        long data = offset + LOCAL_BYTES + name.length + fields;
        int padding = (int) (GgufTable.align(data, ALIGNMENT) - data);
        ByteBuffer local = buffer(LOCAL_BYTES + name.length + fields + padding);
        local.putInt(ZipDirectory.LOCAL).putShort((short) VERSION).putShort((short) 0);
        local.putShort((short) 0).putInt(0).putInt(0);
        local.putInt(wide ? MARKER : (int) size).putInt(wide ? MARKER : (int) size);
        local.putShort((short) name.length).putShort((short) (fields + padding)).put(name);
        if (wide) {
            local.putShort((short) ZIP64_FIELD).putShort((short) 16).putLong(size).putLong(size);
        }
        local.putShort((short) PADDING_FIELD).putShort((short) padding);
        Safetensors.writeAll(channel, local.rewind());
    }

    private boolean isWide(Item item) {
        return item.size() >= wideFrom || item.offset() >= wideFrom;
    }

    private ByteBuffer central(Item item) {
        boolean wide = isWide(item);
        ByteBuffer central = buffer(46 + item.name().length + (wide ? 28 : 0));
        central.putInt(ZipDirectory.CENTRAL).putShort((short) VERSION).putShort((short) VERSION);
        central.putShort((short) 0).putShort((short) 0).putInt(0).putInt(item.crc());
        central.putInt(wide ? MARKER : (int) item.size());
        central.putInt(wide ? MARKER : (int) item.size());
        central.putShort((short) item.name().length).putShort((short) (wide ? 28 : 0));
        central.putShort((short) 0).putShort((short) 0).putShort((short) 0).putInt(0);
        central.putInt(wide ? MARKER : (int) item.offset()).put(item.name());
        if (wide) {
            central.putShort((short) ZIP64_FIELD).putShort((short) 24);
            central.putLong(item.size()).putLong(item.size()).putLong(item.offset());
        }
        return central.flip();
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
