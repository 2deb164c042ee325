/// Architectures, each written once, and the state that a sequence carries.
module dev.anser.model {
    requires transitive dev.anser.tensor;
    requires transitive dev.anser.checkpoint;
    requires static transitive org.jspecify;

    exports dev.anser.model;
}
