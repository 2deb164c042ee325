/// Losses, gradients and optimisers: how a model learns.
module dev.anser.train {
    requires transitive dev.anser.data;
    requires transitive dev.anser.model;
    requires tools.jackson.core;
    requires static transitive org.jspecify;
    requires org.snakeyaml.engine;

    exports dev.anser.train;
    exports dev.anser.train.report;
}
