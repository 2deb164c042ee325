package dev.anser.model;

import dev.anser.tensor.Tensor;

/// A weight of a model and the name that its checkpoint has for it.
///
/// @param name the checkpoint's name
/// @param tensor the tensor that the model computes with: the checkpoint's own for a matrix, an F32
///   copy for a vector
public record Weight(String name, Tensor tensor) {}
