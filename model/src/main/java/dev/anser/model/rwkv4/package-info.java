/// RWKV-4 (arXiv 2305.13048): the maths in `Rwkv4Model`, names and shapes in `Rwkv4Weights`.
@NullMarked
package dev.anser.model.rwkv4;

import org.jspecify.annotations.NullMarked;
