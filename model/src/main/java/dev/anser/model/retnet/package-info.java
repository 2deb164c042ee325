/// RetNet (arXiv 2307.08621): the maths in `RetnetModel`, names and shapes in `RetnetWeights`.
@NullMarked
package dev.anser.model.retnet;

import org.jspecify.annotations.NullMarked;
