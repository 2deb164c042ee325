package dev.anser.model;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/// Numbers that the official implementations computed: some are this project's own test resources,
/// all are in a folder `shared/golden` beside the checkout where there is one.
final class Golden {
    /// Skips a long test at a forced vector width that the processor lacks: it is emulated there, a
    /// hundred times slower. The goldens run at every width, and so do the kernels' own tests.
    static void assumeVectorsOfTheProcessor() {
        Integer forced = Integer.getInteger("anser.vector.bits");
        assumeTrue(
                forced == null || forced <= preferredBits(), "vectors of this width are emulated");
    }

    private static int preferredBits() {
        try {
            Module incubator = ModuleLayer.boot().findModule("jdk.incubator.vector").orElseThrow();
            Class<?> shapes = Class.forName(incubator, "jdk.incubator.vector.VectorShape");
            Object preferred = shapes.getMethod("preferredShape").invoke(null);
            return (int) shapes.getMethod("vectorBitSize").invoke(preferred);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /// An array of a `.npy` file as doubles.
    record Array(int[] shape, double[] values) {
        int[] ints() {
            int[] ints = new int[values.length];
            for (int i = 0; i < ints.length; i++) {
                ints[i] = (int) values[i];
            }
            return ints;
        }

        double largest() {
            double largest = 0;
            for (double value : values) {
                largest = Math.max(largest, Math.abs(value));
            }
            return largest;
        }

        double largestDifference(float[] others) {
            if (others.length != values.length) {
                throw new AssertionError(others.length + " values; expected " + values.length);
            }
            double largest = 0;
            for (int i = 0; i < values.length; i++) {
                double difference = Math.abs(values[i] - others[i]);
                if (!(difference <= largest)) { // NaN counts as the largest
                    largest = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
                }
            }
            return largest;
        }
    }

    private static final Pattern HEADER =
            Pattern.compile("'descr': '([^']*)', 'fortran_order': False, 'shape': \\(([^)]*)\\)");

    private Golden() {}

    /// The folder `path` of this project's own goldens.
    static Path own(String path) {
        return Path.of("src/test/resources/golden").resolve(path);
    }

    /// The folder `path` of the shared goldens or data; may not exist.
    static Path shared(String path) {
        Path folder = Path.of("").toAbsolutePath();
        while (folder != null) {
            Path candidate = folder.resolve("shared").resolve(path);
            if (Files.exists(candidate)) {
                return candidate;
            }
            folder = folder.getParent();
        }
        return Path.of("shared").resolve(path);
    }

    /// The numbers of a slot of `state`, with the axes that a state file has.
    static float[] inFile(State state, int index) {
        StateLayout.Slot slot = state.layout().slots().get(index);
        float[] values = state.tensor(index).toFloats();
        return slot.transposedInFile()
                ? transposed(values, Math.toIntExact(slot.shape().size(-1)))
                : values;
    }

    private static float[] transposed(float[] values, int size) {
        float[] other = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            int matrix = i / (size * size);
            int row = i / size % size;
            int column = i % size;
            other[(matrix * size + column) * size + row] = values[i];
        }
        return other;
    }

    static Array npy(Path file) {
        try {
            return parse(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Map<String, Array> npz(Path file) {
        Map<String, Array> arrays = new LinkedHashMap<>();
        try (ZipInputStream zip =
                new ZipInputStream(new ByteArrayInputStream(Files.readAllBytes(file)))) {
            ZipEntry entry = zip.getNextEntry();
            while (entry != null) {
                arrays.put(entry.getName().replace(".npy", ""), parse(zip.readAllBytes()));
                entry = zip.getNextEntry();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return arrays;
    }

    private static Array parse(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int headerLength = buffer.getShort(8) & 0xffff;
        Matcher header =
                HEADER.matcher(new String(bytes, 10, headerLength, StandardCharsets.US_ASCII));
        if (!header.find()) {
            throw new AssertionError("not a .npy header that this test reads");
        }
        int[] shape =
                Stream.of(header.group(2).split(","))
                        .map(String::strip)
                        .filter(size -> !size.isEmpty())
                        .mapToInt(Integer::parseInt)
                        .toArray();
        int count = 1;
        for (int size : shape) {
            count *= size;
        }
        double[] values = new double[count];
        int start = 10 + headerLength;
        for (int i = 0; i < count; i++) {
            values[i] =
                    switch (header.group(1)) {
                        case "<f8" -> buffer.getDouble(start + 8 * i);
                        case "<f4" -> buffer.getFloat(start + 4 * i);
                        case "<i8" -> buffer.getLong(start + 8 * i);
                        case "<i4" -> buffer.getInt(start + 4 * i);
                        default -> throw new AssertionError("type " + header.group(1));
                    };
        }
        return new Array(shape, values);
    }
}
