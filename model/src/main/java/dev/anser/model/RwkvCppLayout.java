package dev.anser.model;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.ModelFormatException;
import dev.anser.tensor.DType;
import dev.anser.tensor.Shape;
import java.util.Set;
import java.util.function.Predicate;

/// RWKV-4, 5 and 6 as rwkv.cpp stores them: official names; the decays of RWKV-4 and 5 ready to be
/// computed with, as is a bonus `time_first` of RWKV-5; the low-rank pairs of RWKV-6 transposed.
public final class RwkvCppLayout extends TableLayout {
    private static final Set<String> EMBEDDINGS = Set.of("emb.weight", "head.weight");
    private static final float NEARLY_1 = Math.nextDown(1f);

    private final Predicate<Checkpoint> family;
    private final Form decayToOfficial;
    private final Form decayToStored;
    private final boolean logarithm;

    private RwkvCppLayout(
            Predicate<Checkpoint> family, Form toOfficial, Form toStored, boolean logarithm) {
        super("rwkv.cpp");
        this.family = family;
        this.decayToOfficial = toOfficial;
        this.decayToStored = toStored;
        this.logarithm = logarithm;
    }

    /// Of RWKV-4: decays are `-e^w`.
    public static RwkvCppLayout rwkv4(Predicate<Checkpoint> family) {
        return new RwkvCppLayout(
                family,
                Form.SAME.with(x -> Math.log(-x)),
                Form.SAME.with(x -> -Math.exp(x)),
                false);
    }

    /// Of RWKV-5: decays are `e^(-e^w)`, kept between 0 and 1 so that w is finite.
    public static RwkvCppLayout rwkv5(Predicate<Checkpoint> family) {
        return new RwkvCppLayout(
                family,
                Form.SAME.with(x -> Math.log(-Math.log(Math.clamp(x, Float.MIN_VALUE, NEARLY_1)))),
                Form.SAME.with(x -> Math.exp(-Math.exp(x))),
                true);
    }

    /// Of RWKV-6: decays are w, and stand by heads as the bonus does, both as (H, N, 1).
    public static RwkvCppLayout rwkv6(Predicate<Checkpoint> family) {
        return new RwkvCppLayout(family, Form.CHANNELS, Form.VECTOR, false);
    }

    private boolean byHeads() {
        return decayToOfficial == Form.CHANNELS;
    }

    /// The heads of an RWKV-6 bonus, (H, N) in official files.
    private static long heads(Checkpoint checkpoint) {
        String name = "blocks.0.att.time_faaaa";
        Shape shape = checkpoint.entry(name).shape();
        if (shape.rank() < 2 || shape.size(0) < 1) {
            throw new ModelFormatException(
                    checkpoint.source()
                            + ": tensor "
                            + name
                            + " is "
                            + shape
                            + "; expected heads of channels");
        }
        return shape.size(0);
    }

    @Override
    public boolean recognises(Checkpoint file) {
        return file.format().equals("rwkv.cpp") && family.test(file);
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table = new LayoutTable();
        for (String name : checkpoint.names()) {
            if (name.endsWith("_w1") || name.endsWith("_w2")) {
                table.transposed(name, name);
            } else if (byHeads() && name.endsWith(".time_faaaa")) {
                long heads = heads(checkpoint);
                table.line(name, name, Form.shaped(heads, 0), Form.shaped(heads, 0, 1));
            } else if (byHeads() && name.endsWith(".time_decay")) {
                table.line(name, name, Form.CHANNELS, Form.shaped(heads(checkpoint), 0, 1));
            } else if (name.endsWith(".time_decay")) {
                table.line(name, name, decayToOfficial, decayToStored);
            } else if (logarithm && name.endsWith(".time_first")) {
                table.line(name, name, Form.SAME.with(Math::log), Form.SAME.with(Math::exp));
            } else {
                table.same(name, name);
            }
        }
        return table;
    }

    /// Only big products are quantised, and only they and the low-rank pairs are halved.
    @Override
    public DType type(Checkpoint.Entry entry, DType wanted) {
        String name = entry.name();
        boolean pair = name.endsWith("_w1") || name.endsWith("_w2");
        if (!isMatrix(entry) || (name.contains(".time_") && !pair)) {
            return DType.F32;
        }
        if (wanted.quantised() && (pair || EMBEDDINGS.contains(name))) {
            return entry.dtype() == DType.F16 ? DType.F16 : DType.F32;
        }
        return wanted;
    }
}
