/// RWKV-7 "Goose" (arXiv 2503.14456): the maths in `Rwkv7Model`, names and shapes in
/// `Rwkv7Weights`; and ARWKV-7 (arXiv 2501.15570), which has its time mix: `Arwkv7Model` and
/// `Arwkv7Weights`.
@NullMarked
package dev.anser.model.rwkv7;

import org.jspecify.annotations.NullMarked;
