/// Transformers that linear models are measured against: LLaMA in `LlamaModel` and `LlamaWeights`,
/// GPT-NeoX in `NeoxModel` and `NeoxWeights`.
@NullMarked
package dev.anser.model.transformer;

import org.jspecify.annotations.NullMarked;
