package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.tensor.DType;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/// How a version of RWKV stands in the files of rwkv.cpp: official names, low-rank pairs
/// transposed, token-shift coefficients as vectors.
public abstract class RwkvCppLayout extends TableLayout {
    private static final Set<String> EMBEDDINGS = Set.of("emb.weight", "head.weight");

    private static final Pattern MIX = Pattern.compile(".*\\.time_(mix|maa)_[a-z]");

    private final Predicate<Checkpoint> family;

    /// @param family tells the version by its tensors' names
    protected RwkvCppLayout(Predicate<Checkpoint> family) {
        super("rwkv.cpp");
        this.family = family;
    }

    @Override
    public final boolean recognises(Checkpoint file) {
        return file.format().equals("rwkv.cpp") && family.test(file);
    }

    /// Whether `name` is a low-rank matrix.
    protected boolean isLowRank(String name) {
        return name.endsWith("_w1") || name.endsWith("_w2");
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table = new LayoutTable();
        for (String name : LayoutTable.patterns(checkpoint)) {
            if (isLowRank(name)) {
                table.transposed(name, name);
            } else if (MIX.matcher(name).matches()) {
                table.channels(name, name);
            } else {
                table.same(name, name);
            }
        }
        return table;
    }

    /// Only big products are quantised, and only they and the low-rank pairs are halved.
    @Override
    public final DType type(Checkpoint.Entry entry, DType wanted) {
        String name = entry.name();
        if (!isMatrix(entry) || !(isLowRank(name) || name.endsWith(".weight"))) {
            return DType.F32;
        }
        if (wanted.quantised() && (isLowRank(name) || EMBEDDINGS.contains(name))) {
            return entry.dtype() == DType.F16 ? DType.F16 : DType.F32;
        }
        return wanted;
    }
}
