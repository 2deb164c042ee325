package dev.anser.model.rwkv5;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.checkpoint.CheckpointView;
import dev.anser.tensor.Shape;
import dev.anser.tensor.Tensor;
import java.util.List;
import java.util.regex.Pattern;

/// Decay and bonus of RWKV-5.1 as files of other programs have them, which know 5.2 alone: the one
/// number of a head for each of its channels.
final class Rwkv5Heads {
    private static final Pattern NAMES =
            Pattern.compile("blocks\\.\\d+\\.att\\.(time_decay|time_faaaa|time_first)");

    private Rwkv5Heads() {}

    /// `official` with a number for each channel, where it is 5.1.
    static Checkpoint byChannels(Checkpoint official) {
        if (!Rwkv5Weights.describe(official).version().equals("5.1")) {
            return official;
        }
        int channels = Rwkv5Weights.describe(official).headSize();
        CheckpointView.Builder view = CheckpointView.of(official);
        for (String name : official.names()) {
            Checkpoint.Entry entry = official.entry(name);
            if (!NAMES.matcher(name).matches() || !entry.dtype().floating()) {
                view.keep(name);
                continue;
            }
            long heads = entry.shape().elements();
            view.add(
                    new Checkpoint.Entry(name, entry.dtype(), Shape.of(heads, channels)),
                    (from, arena) -> {
                        Tensor head = from.tensor(name);
                        Tensor all = Tensor.allocate(arena, entry.dtype(), heads, channels);
                        for (long i = 0; i < all.elements(); i++) {
                            all.set(i, head.get(i / channels));
                        }
                        return all;
                    });
        }
        return view.build();
    }

    /// `official` with a number for each head, where all channels of each head have the same.
    static Checkpoint byHeads(Checkpoint official) {
        List<String> names =
                official.names().stream().filter(name -> NAMES.matcher(name).matches()).toList();
        if (!names.stream().allMatch(name -> isByHeads(official.tensor(name)))) {
            return official;
        }
        CheckpointView.Builder view = CheckpointView.of(official);
        for (String name : official.names()) {
            if (!names.contains(name)) {
                view.keep(name);
                continue;
            }
            Checkpoint.Entry entry = official.entry(name);
            long heads = entry.shape().size(0);
            view.add(
                    new Checkpoint.Entry(name, entry.dtype(), Shape.of(heads)),
                    (from, arena) -> {
                        Tensor all = from.tensor(name);
                        Tensor firsts = Tensor.allocate(arena, entry.dtype(), heads);
                        for (long head = 0; head < heads; head++) {
                            firsts.set(head, all.get(head * all.columns()));
                        }
                        return firsts;
                    });
        }
        return view.build();
    }

    private static boolean isByHeads(Tensor tensor) {
        if (tensor.shape().rank() != 2 || !tensor.dtype().floating()) {
            return false;
        }
        int channels = tensor.columns();
        for (long i = 0; i < tensor.elements(); i++) {
            if (tensor.get(i) != tensor.get(i - i % channels)) {
                return false;
            }
        }
        return true;
    }
}
