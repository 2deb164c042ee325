/// How well a model predicts texts and answers.
module dev.anser.evaluate {
    requires transitive dev.anser.data;
    requires transitive dev.anser.model;
    requires static transitive org.jspecify;

    exports dev.anser.evaluate;
}
