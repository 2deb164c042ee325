package dev.anser.train;

import dev.anser.model.Weight;
import dev.anser.tensor.DType;
import dev.anser.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/// The low-rank pairs of LoRA beside the matrices of a model, with RWKV-PEFT's names:
/// `blocks.0.att.key.lora_A` (r, in) and `blocks.0.att.key.lora_B` (out, r) for
/// `blocks.0.att.key.weight` (out, in).
///
/// @param pairs by the weight that they stand beside
/// @param parameters both of each pair, in the order of the weights
record LowRankPairs(Map<Tensor, LowRankOps.Pair> pairs, List<Parameter> parameters) {
    static final String DOWN = ".lora_A";
    static final String UP = ".lora_B";
    static final String WEIGHT = ".weight";

    static final LowRankPairs NONE = new LowRankPairs(Map.of(), List.of());

    /// New pairs, which change nothing yet: A is uniform in ±1/√in (He et al., arXiv 1502.01852,
    /// with the slope √5 of PyTorch's linear layers), B zero.
    ///
    /// @throws TrainingException when a target is none of the matrices, or the rank does not fit
    static LowRankPairs of(
            String architecture,
            List<Weight> weights,
            AdapterSettings settings,
            long seed,
            Arena arena) {
        List<Weight> matrices =
                weights.stream()
                        .filter(weight ->
                                weight.name().endsWith(WEIGHT)
                                        && weight.tensor().shape().rank() == 2
                                        && !weight.name().equals("emb.weight"))
                        .toList();
        for (String target : settings.targets()) {
            if (matrices.stream().noneMatch(matrix -> matrix.name().contains(target))) {
                throw new TrainingException(
                        "the target "
                                + target
                                + " of LoRA is part of no matrix's name; expected parts of "
                                + names(matrices));
            }
        }
        Tensor scale = scale(settings, arena);
        IdentityHashMap<Tensor, LowRankOps.Pair> pairs = new IdentityHashMap<>();
        List<Parameter> parameters = new ArrayList<>();
        SplittableRandom random = new SplittableRandom(seed);
        for (Weight matrix : matrices) {
            if (isTarget(matrix.name(), settings.targets())) {
                Parameter down = down(architecture, matrix, settings.rank(), random.split(), arena);
                Parameter up =
                        parameter(
                                architecture,
                                matrix,
                                UP,
                                matrix.tensor().rows(),
                                settings.rank(),
                                arena);
                parameters.add(down);
                parameters.add(up);
                pairs.put(matrix.tensor(), new LowRankOps.Pair(down.weight(), up.weight(), scale));
            }
        }
        return new LowRankPairs(pairs, List.copyOf(parameters));
    }

    private static String names(List<Weight> matrices) {
        return matrices.stream()
                .map(Weight::name)
                .filter(name -> !name.startsWith("blocks.") || name.startsWith("blocks.0."))
                .collect(Collectors.joining(", "));
    }

    private static boolean isTarget(String name, List<String> targets) {
        return targets.isEmpty()
                ? name.startsWith("blocks.")
                : targets.stream().anyMatch(name::contains);
    }

    private static Tensor scale(AdapterSettings settings, Arena arena) {
        int rank = settings.rank();
        Tensor scale = Tensor.allocate(arena, DType.F32, rank, rank);
        for (int i = 0; i < rank; i++) {
            scale.set((long) i * rank + i, (float) (settings.alpha() / rank));
        }
        return scale;
    }

    private static Parameter down(
            String architecture, Weight matrix, int rank, SplittableRandom random, Arena arena) {
        int in = matrix.tensor().columns();
        if (rank > Math.min(in, matrix.tensor().rows())) {
            throw new TrainingException(
                    "the rank of LoRA is "
                            + rank
                            + "; expected at most the smaller side of "
                            + matrix.name()
                            + ", "
                            + matrix.tensor().shape());
        }
        Parameter down = parameter(architecture, matrix, DOWN, rank, in, arena);
        double bound = 1 / Math.sqrt(in);
        for (long i = 0; i < down.weight().elements(); i++) {
            down.weight().set(i, (float) random.nextDouble(-bound, bound));
        }
        return down;
    }

    private static Parameter parameter(
            String architecture, Weight matrix, String kind, int rows, int columns, Arena arena) {
        String name = matrix.name().substring(0, matrix.name().length() - WEIGHT.length()) + kind;
        return new Parameter(
                architecture,
                name,
                Tensor.allocate(arena, DType.F32, rows, columns),
                Tensor.allocate(arena, DType.F32, rows, columns));
    }
}
