/// Sampling and sessions: tokens out of a model.
module dev.anser.generate {
    requires transitive dev.anser.model;
    requires transitive dev.anser.text;
    requires static transitive org.jspecify;

    exports dev.anser.generate;
}
