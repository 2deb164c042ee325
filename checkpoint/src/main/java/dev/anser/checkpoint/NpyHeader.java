package dev.anser.checkpoint;

import dev.anser.tensor.Shape;
import dev.anser.tensor.ShapeException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Parses the header of a `.npy` file, a Python dictionary of three known fields, and reads what
/// follows.
final class NpyHeader {
    private static final int MAX_HEADER_BYTES = 1 << 16;

    private final FileBytes file;
    private String text = "";
    private int position;

    NpyHeader(FileBytes file) {
        this.file = file;
    }

    NpyArray read() {
        byte[] magic = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
        if (file.size() < 8) {
            throw file.error("has " + file.size() + " bytes, too few for a .npy file");
        }
        for (int i = 0; i < magic.length; i++) {
            if ((byte) file.u8(i, "the magic number") != magic[i]) {
                throw file.error("is not a .npy file: it does not begin with \\x93NUMPY");
            }
        }
        int version = file.u8(6, "the version");
        if (version < 1 || version > 3) {
            throw file.error("is .npy version " + version + ", expected 1 to 3");
        }
        long length = version == 1 ? file.u16(8, "the header") : file.u32(8, "the header");
        int start = version == 1 ? 10 : 12;
        if (length > MAX_HEADER_BYTES) {
            throw file.error("the header claims " + length + " bytes, at most " + MAX_HEADER_BYTES);
        }
        byte[] header = file.bytes(start, (int) length, "the header");
        text = new String(header, StandardCharsets.ISO_8859_1);
        return parse(start + length);
    }

    private NpyArray parse(long dataStart) {
        @Nullable String type = null;
        @Nullable Shape shape = null;
        @Nullable Boolean fortran = null;
        expect('{');
        while (!accept('}')) {
            String field = string();
            expect(':');
            switch (field) {
                case "descr" -> {
                    once(type == null, field);
                    type = string();
                }
                case "fortran_order" -> {
                    once(fortran == null, field);
                    fortran = bool();
                }
                case "shape" -> {
                    once(shape == null, field);
                    shape = shape();
                }
                default -> throw error("has an unknown field " + FileBytes.quote(field));
            }
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skipSpace();
        if (position != text.length()) {
            throw error("goes on after its dictionary");
        }
        if (type == null || fortran == null || shape == null) {
            throw error("needs the fields descr, fortran_order and shape");
        }
        if (fortran) {
            throw file.error(
                    "is in Fortran order, expected C order; save numpy.ascontiguousarray(a)");
        }
        return data(type, shape, dataStart);
    }

    private NpyArray data(String type, Shape shape, long start) {
        NpyArray.@Nullable Kind kind = null;
        for (NpyArray.Kind known : NpyArray.Kind.values()) {
            if (type.equals("<" + known.code())
                    || (known.bytes() == 1 && type.equals("|" + known.code()))) {
                kind = known;
            }
        }
        if (kind == null) {
            throw file.error(
                    "has elements of type "
                            + FileBytes.quote(type)
                            + ", expected little-endian i1 i2 i4 i8 u1 u2 f4 f8 or b1");
        }
        long bytes = file.size() - start;
        if (shape.elements() > Long.MAX_VALUE / 8 || shape.elements() * kind.bytes() != bytes) {
            throw file.error(
                    "shape "
                            + shape
                            + " of "
                            + kind.code()
                            + " does not take the "
                            + bytes
                            + " bytes that follow the header; the file is truncated or damaged");
        }
        // Every accessor may need eight bytes an element beside the bytes themselves.
        long limit = Math.min(Integer.MAX_VALUE - 16, Runtime.getRuntime().maxMemory() / 4);
        if (bytes > limit || shape.elements() > limit / 8) {
            throw file.error(
                    "has "
                            + bytes
                            + " bytes, more than fit the Java heap; split it or give more with"
                            + " -Xmx");
        }
        return new NpyArray(file.source(), kind, shape, file.bytes(start, (int) bytes, "the data"));
    }

    private Shape shape() {
        List<Long> sizes = new ArrayList<>();
        expect('(');
        while (!accept(')')) {
            if (sizes.size() == StoredTensor.MAX_RANK) {
                throw error("has more than " + StoredTensor.MAX_RANK + " axes");
            }
            sizes.add(number());
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        try {
            return Shape.of(sizes.stream().mapToLong(Long::longValue).toArray());
        } catch (ShapeException e) {
            throw file.error(e.getMessage(), e);
        }
    }

    private long number() {
        skipSpace();
        int start = position;
        while (position < text.length()
                && text.charAt(position) >= '0'
                && text.charAt(position) <= '9') {
            position++;
        }
        if (position == start || position - start > 18) {
            throw error("needs a whole number of at most 18 digits in the shape");
        }
        return Long.parseLong(text, start, position, 10);
    }

    private boolean bool() {
        skipSpace();
        for (String word : List.of("False", "True")) {
            if (text.startsWith(word, position)) {
                position += word.length();
                return word.equals("True");
            }
        }
        throw error("needs True or False for fortran_order");
    }

    private String string() {
        skipSpace();
        if (position >= text.length()
                || (text.charAt(position) != '\'' && text.charAt(position) != '"')) {
            throw error("needs a string in quotes");
        }
        int end = text.indexOf(text.charAt(position), position + 1);
        if (end < 0) {
            throw error("has a string without an end");
        }
        String string = text.substring(position + 1, end);
        position = end + 1;
        return string;
    }

    private void once(boolean first, String field) {
        if (!first) {
            throw error("has the field " + field + " twice");
        }
    }

    private void expect(char symbol) {
        if (!accept(symbol)) {
            throw error("needs '" + symbol + "'");
        }
    }

    private boolean accept(char symbol) {
        skipSpace();
        if (position < text.length() && text.charAt(position) == symbol) {
            position++;
            return true;
        }
        return false;
    }

    private void skipSpace() {
        while (position < text.length()
                && (text.charAt(position) == ' ' || text.charAt(position) == '\n')) {
            position++;
        }
    }

    private ModelFormatException error(String what) {
        return file.error("the header, at character " + position + ", " + what);
    }
}
