package dev.anser.train;

import dev.anser.model.InitialState;
import dev.anser.tensor.Shape;

/// How the official trainers treat a weight.
///
/// @param rateScale what the learning rate is multiplied by
/// @param weightDecay its decay
public record ParameterGroup(double rateScale, double weightDecay) {
    /// The group of the weight `name` of a model of the family `architecture`.
    public static ParameterGroup of(
            String architecture, String name, Shape shape, double weightDecay) {
        return switch (architecture) {
            case "rwkv4" -> rwkv4(name, shape, weightDecay);
            case "rwkv5", "rwkv6" -> rwkv6(name, shape, weightDecay);
            case "llama", "gptneox", "retnet" -> transformer(name, shape, weightDecay);
            default -> rwkv7(name, shape, weightDecay);
        };
    }

    /// The groups of RWKV-4 (RWKV-LM, `RWKV-v4neo/src/model.py`, layer-wise rates): the decays
    /// learn twice and the bonuses three times as fast; all matrices decay.
    public static ParameterGroup rwkv4(String name, Shape shape, double weightDecay) {
        double rate = fast(name);
        return new ParameterGroup(rate, rate == 1 && isMatrix(shape) ? weightDecay : 0);
    }

    /// The groups of RWKV-5 and RWKV-6 (RWKV-LM, `RWKV-v5/src/model.py`): as in RWKV-4, but of the
    /// matrices only those whose name contains `.weight` and the learned initial state decay, and
    /// neither the low-rank pairs nor `time_faaaa` learn faster.
    public static ParameterGroup rwkv6(String name, Shape shape, double weightDecay) {
        double rate = fast(name);
        boolean decays = name.contains(".weight") || InitialState.isName(name);
        return new ParameterGroup(rate, decays && isMatrix(shape) ? weightDecay : 0);
    }

    private static double fast(String name) {
        return name.endsWith("time_decay") ? 2 : name.endsWith("time_first") ? 3 : 1;
    }

    private static boolean isMatrix(Shape shape) {
        return shape.squeeze().rank() >= 2;
    }

    /// The groups of RWKV-7 (RWKV-LM, `RWKV-v7/train_temp/src/model.py`): `att.w0` learns twice as
    /// fast; only matrices whose name contains `.weight` decay, so the embedding, the head and both
    /// parts of a DeepEmbed's rows do, the low-rank pairs and the bonus do not.
    public static ParameterGroup rwkv7(String name, Shape shape, double weightDecay) {
        if (name.contains("att.w0")) {
            return new ParameterGroup(2, 0);
        }
        return new ParameterGroup(1, isMatrix(shape) && name.contains(".weight") ? weightDecay : 0);
    }

    /// The groups of Transformers and RetNet, as GPT-NeoX's code has them
    /// (`megatron/model/utils.py`): matrices decay, the embedding and the head among them, norms
    /// and biases do not.
    public static ParameterGroup transformer(String name, Shape shape, double weightDecay) {
        return new ParameterGroup(1, isMatrix(shape) && name.contains(".weight") ? weightDecay : 0);
    }
}
