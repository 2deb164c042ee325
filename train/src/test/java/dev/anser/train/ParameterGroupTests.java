package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.anser.tensor.Shape;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The rates and decays of the official trainers, as their code sorts parameters.
class ParameterGroupTests {
    @ParameterizedTest
    @CsvSource({
        "rwkv4,emb.weight,50x8,1,0.1",
        "rwkv4,blocks.0.ln1.weight,8,1,0",
        "rwkv4,blocks.0.att.time_decay,8,2,0",
        "rwkv4,blocks.0.att.time_first,8,3,0",
        "rwkv4,blocks.0.att.time_mix_k,1x1x8,1,0",
        "rwkv4,blocks.0.att.key.weight,8x8,1,0.1",
        "rwkv5,blocks.0.att.time_decay,2x4,2,0",
        "rwkv5,blocks.0.att.time_first,2,3,0",
        "rwkv5,blocks.0.att.time_faaaa,2x4,1,0",
        "rwkv5,blocks.0.att.ln_x.weight,8,1,0",
        "rwkv5,blocks.0.att.gate.weight,8x8,1,0.1",
        "rwkv5,blocks.0.att.time_state,2x4x4,1,0.1",
        "rwkv6,emb.weight,50x8,1,0.1",
        "rwkv6,head.weight,50x8,1,0.1",
        "rwkv6,blocks.0.att.time_decay,1x1x8,2,0",
        "rwkv6,blocks.0.att.time_decay_w1,8x3,1,0",
        "rwkv6,blocks.0.att.time_maa_w2,5x3x8,1,0",
        "rwkv6,blocks.0.att.time_maa_x,1x1x8,1,0",
        "rwkv6,blocks.0.att.time_faaaa,2x4,1,0",
        "rwkv6,blocks.0.att.time_state,2x4x4,1,0.1",
        "rwkv6,blocks.0.att.key.lora_A,3x8,1,0",
        "rwkv7,blocks.0.att.w0,1x1x8,2,0",
        "rwkv7,blocks.0.att.w1,8x3,1,0",
        "rwkv7,blocks.0.att.r_k,2x4,1,0",
        "rwkv7,blocks.0.att.time_state,2x4x4,1,0",
        "rwkv7,blocks.0.ffn.value.weight,8x32,1,0.1",
        "arwkv7,model.layers.0.self_attn.time_mixer.w0,1x1x8,1,0",
        "arwkv7,model.layers.0.self_attn.time_mixer.w1,8x3,1,0",
        "arwkv7,model.layers.0.self_attn.time_mixer.r_k,2x4,1,0",
        "arwkv7,model.layers.0.self_attn.time_mixer.key.weight,8x8,1,0.1",
        "arwkv7,model.layers.0.input_layernorm.weight,8,1,0",
        "arwkv7,model.layers.0.mlp.gate_proj.weight,16x8,1,0.1",
        "llama,model.embed_tokens.weight,50x8,1,0.1",
        "llama,lm_head.weight,50x8,1,0.1",
        "llama,model.norm.weight,8,1,0",
        "llama,model.layers.0.self_attn.q_proj.weight,8x8,1,0.1",
        "llama,model.layers.0.self_attn.q_proj.bias,8,1,0",
        "llama,model.layers.0.self_attn.q_proj.lora_A,3x8,1,0",
        "gptneox,gpt_neox.embed_in.weight,50x8,1,0.1",
        "gptneox,gpt_neox.layers.0.attention.query_key_value.weight,24x8,1,0.1",
        "gptneox,gpt_neox.layers.0.attention.query_key_value.bias,24,1,0",
        "gptneox,gpt_neox.layers.0.input_layernorm.weight,8,1,0",
        "gptneox,gpt_neox.final_layer_norm.bias,8,1,0",
        "retnet,embed_tokens.weight,50x8,1,0.1",
        "retnet,layers.0.retention.g_proj.weight,16x8,1,0.1",
        "retnet,layers.0.ffn.gate.weight,16x8,1,0.1",
        "retnet,layers.0.final_layer_norm.weight,8,1,0",
        "retnet,layer_norm.weight,8,1,0"
    })
    void everyTensorIsInItsGroup(
            String architecture, String name, String shape, double rate, double decay) {
        String[] texts = shape.split("x", -1);
        long[] sizes = new long[texts.length];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = Long.parseLong(texts[i]);
        }
        assertThat(ParameterGroup.of(architecture, name, Shape.of(sizes), 0.1))
                .isEqualTo(new ParameterGroup(rate, decay));
    }
}
