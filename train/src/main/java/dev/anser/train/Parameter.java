package dev.anser.train;

import dev.anser.tensor.Tensor;

/// A weight that learns.
///
/// @param architecture the family of its model, which says how the official trainer treats it
/// @param name its name in the checkpoint
/// @param weight the weight, F32, changed in place
/// @param gradient its gradient, of the same shape
public record Parameter(String architecture, String name, Tensor weight, Tensor gradient) {}
