package dev.anser.model.rwkv7;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.CheckpointModel;
import dev.anser.model.ConfigurationFields;
import dev.anser.model.FolderLayout;
import dev.anser.model.Form;
import dev.anser.model.LayoutTable;
import dev.anser.model.ModelConfig;
import dev.anser.tensor.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// RWKV-7 as flash-linear-attention stores it, in a folder of the Hugging Face kind. Its low-rank
/// pairs are linear layers, `[out, in]`, with the bias in the second.
final class Rwkv7Fla extends FolderLayout {
    private static final String TYPE = "rwkv7";
    private static final String ACTIVATION = "sqrelu";
    private static final String LAYERS = "model.layers.";
    private static final double EPSILON = 1e-5;

    /// That with which both programs normalise a head's group alike.
    private static final int HEAD_SIZE = 64;

    /// The fields that have the ranks of the low-rank pairs.
    private static final Map<String, String> RANKS = ranks();

    Rwkv7Fla() {
        super("fla");
    }

    private static Map<String, String> ranks() {
        Map<String, String> ranks = new LinkedHashMap<>();
        ranks.put("decay_low_rank_dim", "w");
        ranks.put("gate_low_rank_dim", "g");
        ranks.put("a_low_rank_dim", "a");
        ranks.put("v_low_rank_dim", "v");
        return ranks;
    }

    @Override
    public boolean recognises(Checkpoint file) {
        return file.names().contains("model.layers.0.attn.r_k")
                && file.names().contains("model.embeddings.weight");
    }

    @Override
    protected LayoutTable table(Checkpoint checkpoint) {
        LayoutTable table =
                new LayoutTable()
                        .same("emb.weight", "model.embeddings.weight")
                        .same("head.weight", "lm_head.weight")
                        .norm("ln_out", "model.norm")
                        .norm("blocks.0.ln0", "model.layers.0.pre_norm")
                        .norm("blocks.#.ln1", "model.layers.#.attn_norm")
                        .norm("blocks.#.ln2", "model.layers.#.ffn_norm")
                        .norm("blocks.#.att.ln_x", "model.layers.#.attn.g_norm")
                        .same("blocks.#.att.r_k", "model.layers.#.attn.r_k")
                        .channels("blocks.#.att.k_k", "model.layers.#.attn.k_k")
                        .channels("blocks.#.att.k_a", "model.layers.#.attn.k_a")
                        .channels("blocks.#.ffn.x_k", "model.layers.#.ffn.x_k")
                        .same("blocks.#.ffn.key.weight", "model.layers.#.ffn.key.weight")
                        .same("blocks.#.ffn.value.weight", "model.layers.#.ffn.value.weight");
        Map<String, String> projections =
                Map.of("receptance", "r", "key", "k", "value", "v", "output", "o");
        projections.forEach((official, stored) ->
                table.same(
                        "blocks.#.att." + official + ".weight",
                        "model.layers.#.attn." + stored + "_proj.weight"));
        if (checkpoint.names().contains("model.layers.0.attn.x_x")) {
            // The first version had them in one tensor.
            table.stacked(Rwkv7Layouts.MIXES, "model.layers.#.attn.x_x");
        } else {
            for (String mix : Rwkv7Layouts.MIXES) {
                String stored = mix.replace("blocks.#.att", "model.layers.#.attn");
                table.line(mix, stored, Form.CHANNELS, Form.CHANNELS);
            }
        }
        for (String pair : Rwkv7Layouts.LOW_RANK) {
            String official = "blocks.#.att." + pair;
            String stored = "model.layers.#.attn." + pair + "_lora.lora.";
            table.transposed(official + "1", stored + "0.weight")
                    .transposed(official + "2", stored + "2.weight");
            if (!pair.equals("g")) {
                table.channels(official + "0", stored + "2.bias");
            }
        }
        List.of("0", "1", "2").forEach(i -> table.without("blocks.0.att.v" + i));
        return table;
    }

    @Override
    public List<String> lost(Checkpoint official) {
        List<String> lost = new ArrayList<>(super.lost(official));
        long size = Rwkv7Layouts.headSize(official);
        if (size != HEAD_SIZE) {
            lost.add(
                    "the epsilon of the group normalisation (64e-5, in flash-linear-attention 1e-5"
                            + " for each of the "
                            + size
                            + " channels of a head)");
        }
        return lost;
    }

    /// The tensors say it all; what is there besides must not contradict them.
    @Override
    protected Optional<Map<String, Object>> configuration(Checkpoint file) {
        ConfigurationFields fields = new ConfigurationFields(file);
        require(fields, "model_type", fields.text("model_type", TYPE), TYPE);
        require(fields, "hidden_act", fields.text("hidden_act", ACTIVATION), ACTIVATION);
        require(fields, "norm_first", fields.fact("norm_first", true), true);
        require(fields, "norm_bias", fields.fact("norm_bias", true), true);
        require(fields, "norm_eps", (float) fields.number("norm_eps", EPSILON), (float) EPSILON);
        fields.refuse("tie_word_embeddings", false);
        fields.refuse("attn", null);
        Shape embedding = CheckpointModel.matrixShape(file, "model.embeddings.weight");
        Shape bonus = CheckpointModel.matrixShape(file, LAYERS + "0.attn.r_k");
        fields.requireSame("vocab_size", embedding.size(0), "model.embeddings.weight");
        fields.requireSame("hidden_size", embedding.size(1), "model.embeddings.weight");
        fields.requireSame("head_dim", bonus.size(1), "r_k");
        fields.requireSame("num_heads", bonus.size(0), "r_k");
        fields.requireSame(
                "num_hidden_layers",
                CheckpointModel.layers(file, LAYERS, ".attn_norm.weight"),
                "the number of " + LAYERS + "N");
        requireRows(file, fields, "intermediate_size", "0.ffn.key.weight");
        RANKS.forEach((field, pair) ->
                requireRows(
                        file,
                        fields,
                        field,
                        (pair.equals("v") ? "1" : "0") + ".attn." + pair + "_lora.lora.0.weight"));
        if (fields.has("model_type") && bonus.size(1) != HEAD_SIZE) {
            throw fields.wrong(
                    "head_dim",
                    bonus.size(1),
                    HEAD_SIZE
                            + ", for it is also what flash-linear-attention multiplies the epsilon"
                            + " of a head's normalisation by");
        }
        return Optional.of(Map.of());
    }

    private static void require(
            ConfigurationFields fields, String name, Object value, Object expected) {
        if (!value.equals(expected)) {
            throw fields.wrong(name, value, expected);
        }
    }

    private static void requireRows(
            Checkpoint file, ConfigurationFields fields, String field, String tensor) {
        if (file.names().contains(LAYERS + tensor)) {
            fields.requireSame(
                    field, CheckpointModel.matrixShape(file, LAYERS + tensor).size(0), tensor);
        }
    }

    @Override
    public Map<String, Object> written(Checkpoint official) {
        ModelConfig config = Rwkv7Weights.describe(official);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("architectures", List.of("RWKV7ForCausalLM"));
        fields.put("model_type", TYPE);
        fields.put("vocab_size", config.vocabulary());
        fields.put("hidden_size", config.width());
        fields.put("intermediate_size", config.feedForward());
        fields.put("hidden_ratio", (double) config.feedForward() / config.width());
        fields.put("num_hidden_layers", config.layers());
        fields.put("head_dim", config.headSize());
        fields.put("num_heads", config.heads());
        fields.put("value_dim", Collections.nCopies(config.layers(), config.width()));
        RANKS.forEach((field, pair) ->
                fields.put(field, Rwkv7Layouts.rank(official, Rwkv7Layouts.OFFICIAL, pair)));
        fields.put("hidden_act", ACTIVATION);
        fields.put("attn_mode", "chunk");
        fields.put("norm_first", true);
        fields.put("norm_bias", true);
        fields.put("norm_eps", EPSILON);
        fields.put("tie_word_embeddings", false);
        fields.put("bos_token_id", 0);
        fields.put("eos_token_id", 0);
        return fields;
    }
}
