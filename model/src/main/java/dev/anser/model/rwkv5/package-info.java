/// RWKV-5 "Eagle" (arXiv 2404.05892): the maths in `Rwkv5Model`, names and shapes in
/// `Rwkv5Weights`.
@NullMarked
package dev.anser.model.rwkv5;

import org.jspecify.annotations.NullMarked;
