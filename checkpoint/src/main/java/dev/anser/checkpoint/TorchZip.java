package dev.anser.checkpoint;

import java.nio.charset.StandardCharsets;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/// Reads the table of a `.pth` file of PyTorch 1.6 or later: a zip with a pickle, `data.pkl`, and
/// one record per storage, `data/KEY`, all stored uncompressed under one folder of any name.
final class TorchZip {
    private TorchZip() {}

    static FileCheckpoint.Table read(FileBytes file) {
        SequencedMap<String, ZipDirectory.Item> records = ZipDirectory.read(file);
        ZipDirectory.Item pickle = findPickle(file, records);
        String folder = pickle.name().substring(0, pickle.name().length() - "data.pkl".length());
        checkByteOrder(file, records, folder);
        if (pickle.size() > Unpickler.MAX_BYTES) {
            throw file.error(
                    "data.pkl has "
                            + pickle.size()
                            + " bytes, at most "
                            + Unpickler.MAX_BYTES
                            + " are read");
        }
        long end = pickle.offset() + pickle.size();
        Unpickler unpickler = new Unpickler(file, "data.pkl", pickle.offset(), end);
        Unpickler.Value root = unpickler.read();
        if (unpickler.position() != end) {
            throw unpickler.error("has " + (end - unpickler.position()) + " bytes after its end");
        }
        return PickledTensors.read(
                file, root, storage -> storageOffset(file, records, folder, storage));
    }

    private static ZipDirectory.Item findPickle(
            FileBytes file, SequencedMap<String, ZipDirectory.Item> records) {
        ZipDirectory.@Nullable Item found = null;
        for (ZipDirectory.Item item : records.values()) {
            String name = item.name();
            if (name.equals("data.pkl")
                    || (name.endsWith("/data.pkl") && name.indexOf('/') == name.length() - 9)) {
                if (found != null) {
                    throw file.error(
                            "has two pickles, "
                                    + FileBytes.quote(found.name())
                                    + " and "
                                    + FileBytes.quote(name)
                                    + ", expected one");
                }
                found = item;
            }
        }
        if (found == null) {
            throw file.error(
                    "is a zip without data.pkl, so not from torch.save; if it is a packed folder,"
                            + " unpack it first");
        }
        return uncompressed(file, found);
    }

    private static void checkByteOrder(
            FileBytes file, SequencedMap<String, ZipDirectory.Item> records, String folder) {
        ZipDirectory.@Nullable Item item = records.get(folder + "byteorder");
        if (item == null) {
            return;
        }
        int length = (int) Math.min(64, uncompressed(file, item).size());
        byte[] bytes = file.bytes(item.offset(), length, "the byteorder record");
        String order = new String(bytes, StandardCharsets.ISO_8859_1).strip();
        if (!order.equals("little")) {
            throw file.error(
                    "has the byte order "
                            + FileBytes.quote(order)
                            + ", expected 'little'; save it on a little-endian machine");
        }
    }

    private static long storageOffset(
            FileBytes file,
            SequencedMap<String, ZipDirectory.Item> records,
            String folder,
            Unpickler.Storage storage) {
        String name = folder + "data/" + storage.key();
        ZipDirectory.@Nullable Item item = records.get(name);
        if (item == null) {
            throw file.error("has no record " + FileBytes.quote(name) + " for a tensor's data");
        }
        long bytes = storage.dtype().bytes(storage.elements());
        if (uncompressed(file, item).size() != bytes) {
            throw file.error(
                    "record "
                            + FileBytes.quote(name)
                            + " has "
                            + item.size()
                            + " bytes, expected "
                            + bytes
                            + " ("
                            + storage.elements()
                            + " of "
                            + storage.dtype()
                            + ")");
        }
        return item.offset();
    }

    private static ZipDirectory.Item uncompressed(FileBytes file, ZipDirectory.Item item) {
        if (!item.stored()) {
            throw file.error(
                    "zip record "
                            + FileBytes.quote(item.name())
                            + " is compressed, which torch.save never does; save it again with"
                            + " torch.save");
        }
        return item;
    }
}
