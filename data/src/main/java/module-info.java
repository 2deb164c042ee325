/// Data sets of tokens: the files they stand in, the order they are drawn in, what counts.
module dev.anser.data {
    requires transitive dev.anser.base;
    requires transitive dev.anser.text;
    requires tools.jackson.core;
    requires static transitive org.jspecify;

    exports dev.anser.data;
}
