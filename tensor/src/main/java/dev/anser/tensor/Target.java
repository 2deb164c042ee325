package dev.anser.tensor;

/// Where a backward step puts the gradient of an operand: the first of a pass sets it, all later
/// ones add to it, so that no buffer needs clearing.
///
/// @param gradient of the operand's shape
/// @param add whether something stands there already
record Target(Tensor gradient, boolean add) {
    long address() {
        return gradient.address();
    }

    /// The gradient, zeros where nothing stands yet, for a step that only adds.
    Tensor cleared() {
        if (!add) {
            gradient.clear();
        }
        return gradient;
    }
}
