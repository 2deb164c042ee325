/// Tensors, the operations that models are written with, and the CPU kernels behind them.
module dev.anser.tensor {
    requires transitive dev.anser.base;
    requires static transitive org.jspecify;
    requires jdk.incubator.vector;

    exports dev.anser.tensor;

    uses dev.anser.tensor.Backend;
}
