/// RWKV-6 "Finch" (arXiv 2404.05892): the maths in `Rwkv6Model`, names and shapes in
/// `Rwkv6Weights`.
@NullMarked
package dev.anser.model.rwkv6;

import org.jspecify.annotations.NullMarked;
