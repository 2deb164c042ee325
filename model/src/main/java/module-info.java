/// Architectures, each written once, and the state that a sequence carries.
module dev.anser.model {
    requires transitive dev.anser.tensor;
    requires transitive dev.anser.checkpoint;
    requires static transitive org.jspecify;

    exports dev.anser.model;
    exports dev.anser.model.rwkv7;

    uses dev.anser.model.Architecture;

    provides dev.anser.model.Architecture with
            dev.anser.model.rwkv7.Rwkv7Architecture;
}
