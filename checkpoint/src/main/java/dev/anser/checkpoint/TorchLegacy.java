package dev.anser.checkpoint;

import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;

/// Reads the table of a `.pth` file from before PyTorch 1.6: five pickles (magic number, protocol
/// version, system facts, the object, the storage keys), then each storage as an int64 count and
/// its bytes.
final class TorchLegacy {
    private static final BigInteger MAGIC = new BigInteger("1950a86a20f9469cfc6c", 16);
    private static final long VERSION = 1001;

    private final FileBytes file;
    private long position;

    private TorchLegacy(FileBytes file) {
        this.file = file;
    }

    /// Whether the file begins with a pickle of a long number, as the format does.
    static boolean matches(FileBytes file) {
        return file.size() >= 4
                && file.u8(0, "the magic number") == 0x80
                && file.u8(2, "the magic number") == 0x8a
                && file.u8(3, "the magic number") == 10;
    }

    static FileCheckpoint.Table read(FileBytes file) {
        return new TorchLegacy(file).read();
    }

    private FileCheckpoint.Table read() {
        Unpickler.Value magic = next("the magic number").read;
        if (!(magic instanceof Unpickler.BigInt(BigInteger number)) || !number.equals(MAGIC)) {
            throw file.error("does not begin with the magic number of torch.save");
        }
        Unpickler.Value version = next("the protocol version").read;
        if (!(version instanceof Unpickler.Int(long found)) || found != VERSION) {
            throw file.error(
                    "has another protocol version than "
                            + VERSION
                            + "; save it again with torch.save");
        }
        Unpickler.Value facts = next("the system facts").read;
        if (!(facts instanceof Unpickler.Dictionary dictionary)
                || !(dictionary.values.get("little_endian")
                        instanceof Unpickler.Bool(boolean little))
                || !little) {
            throw file.error(
                    "was saved on a machine that is not little-endian; save it on one that is");
        }
        Pickle object = next("the object");
        Unpickler.Value keys = next("the storage keys").read;
        Map<String, Long> offsets = readStorages(keys, object.unpickler.storages());
        return PickledTensors.read(file, object.read, storage -> offset(offsets, storage.key()));
    }

    private record Pickle(Unpickler unpickler, Unpickler.Value read) {}

    private Pickle next(String what) {
        long end = Math.min(file.size(), position + Unpickler.MAX_BYTES);
        Unpickler unpickler = new Unpickler(file, what, position, end);
        Unpickler.Value value = unpickler.read();
        position = unpickler.position();
        return new Pickle(unpickler, value);
    }

    private Map<String, Long> readStorages(
            Unpickler.Value keys, Map<String, Unpickler.Storage> storages) {
        if (!(keys instanceof Unpickler.Sequence sequence)) {
            throw file.error("the storage keys are not a list");
        }
        Map<String, Long> offsets = new HashMap<>();
        for (Unpickler.Value value : sequence.values) {
            if (!(value instanceof Unpickler.Text(String key)) || !storages.containsKey(key)) {
                throw file.error("the storage keys name a storage that no tensor has");
            }
            Unpickler.Storage storage = storages.get(key);
            String what = "storage " + FileBytes.quote(key);
            long elements = file.i64(position, what);
            if (elements != storage.elements()) {
                throw file.error(
                        what
                                + " at offset "
                                + position
                                + " has "
                                + elements
                                + " elements, expected "
                                + storage.elements());
            }
            long bytes = storage.dtype().bytes(elements);
            file.check(position + 8, bytes, what);
            if (offsets.put(key, position + 8) != null) {
                throw file.error(what + " comes twice");
            }
            position += 8 + bytes;
        }
        if (position != file.size()) {
            throw file.error(
                    "has "
                            + (file.size() - position)
                            + " bytes after its last storage, expected none; the file is damaged");
        }
        return offsets;
    }

    private Long offset(Map<String, Long> offsets, String key) {
        Long offset = offsets.get(key);
        if (offset == null) {
            throw file.error("has no data for storage " + FileBytes.quote(key));
        }
        return offset;
    }
}
