package dev.anser.checkpoint;

import dev.anser.tensor.DType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The numbers that GGUF files give to the types of ggml.
final class GgmlType {
    // In the order of their numbers; those without a DType only have a name to be refused by.
    private static final String[] NAMES = {
        "F32",
        "F16",
        "Q4_0",
        "Q4_1",
        "Q4_2",
        "Q4_3",
        "Q5_0",
        "Q5_1",
        "Q8_0",
        "Q8_1",
        "Q2_K",
        "Q3_K",
        "Q4_K",
        "Q5_K",
        "Q6_K",
        "Q8_K",
        "IQ2_XXS",
        "IQ2_XS",
        "IQ3_XXS",
        "IQ1_S",
        "IQ4_NL",
        "IQ3_S",
        "IQ2_S",
        "IQ4_XS",
        "I8",
        "I16",
        "I32",
        "I64",
        "F64",
        "IQ1_M",
        "BF16",
        "Q4_0_4_4",
        "Q4_0_4_8",
        "Q4_0_8_8",
        "TQ1_0",
        "TQ2_0",
        "IQ4_NL_4_4",
        "IQ4_NL_4_8",
        "IQ4_NL_8_8",
        "MXFP4",
        "NVFP4",
    };
    private static final @Nullable DType[] TYPES = new DType[NAMES.length];

    static {
        for (DType dtype : DType.values()) {
            int number = List.of(NAMES).indexOf(dtype.name());
            if (number >= 0) {
                TYPES[number] = dtype;
            }
        }
    }

    private GgmlType() {}

    /// The type that a file says tensor `name` has.
    static DType dtype(FileBytes file, String name, int number) {
        String tensor = "tensor " + FileBytes.quote(name);
        if (number < 0 || number >= NAMES.length) {
            throw file.error(
                    tensor
                            + " has the unknown type "
                            + Integer.toUnsignedString(number)
                            + ", expected "
                            + known());
        }
        DType dtype = TYPES[number];
        if (dtype == null) {
            throw file.error(
                    tensor
                            + " has the type "
                            + NAMES[number]
                            + ", which is not supported; expected "
                            + known()
                            + "; use a file quantised to one of these");
        }
        return dtype;
    }

    /// The number of a type, -1 when ggml has none for it.
    static int number(DType dtype) {
        return Arrays.asList(TYPES).indexOf(dtype);
    }

    private static String known() {
        List<String> names = new ArrayList<>();
        for (DType dtype : TYPES) {
            if (dtype != null) {
                names.add(dtype.name());
            }
        }
        return String.join(", ", names.subList(0, names.size() - 1)) + " or " + names.getLast();
    }
}
