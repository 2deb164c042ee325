package dev.anser.checkpoint;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/// Reads NumPy's `.npz`, a zip of `.npy` files.
final class Npz {
    private Npz() {}

    static Map<String, NpyArray> read(byte[] bytes) {
        Map<String, NpyArray> arrays = new LinkedHashMap<>();
        try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(bytes))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                String name = entry.getName().replaceFirst("\\.npy$", "");
                arrays.put(name, Npy.read(MemorySegment.ofArray(zip.readAllBytes()), name));
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return arrays;
    }
}
