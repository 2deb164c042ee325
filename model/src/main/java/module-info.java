/// Architectures, each written once, and the state that a sequence carries.
module dev.anser.model {
    requires transitive dev.anser.tensor;
    requires transitive dev.anser.checkpoint;
    requires static transitive org.jspecify;

    exports dev.anser.model;
    exports dev.anser.model.retnet;
    exports dev.anser.model.rwkv4;
    exports dev.anser.model.rwkv5;
    exports dev.anser.model.rwkv6;
    exports dev.anser.model.rwkv7;
    exports dev.anser.model.transformer;

    uses dev.anser.model.Architecture;

    provides dev.anser.model.Architecture with
            dev.anser.model.rwkv4.Rwkv4Architecture,
            dev.anser.model.rwkv5.Rwkv5Architecture,
            dev.anser.model.rwkv6.Rwkv6Architecture,
            dev.anser.model.rwkv7.Rwkv7Architecture,
            dev.anser.model.rwkv7.Arwkv7Architecture,
            dev.anser.model.transformer.LlamaArchitecture,
            dev.anser.model.transformer.NeoxArchitecture,
            dev.anser.model.retnet.RetnetArchitecture;
}
