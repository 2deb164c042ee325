/// Data sets of tokens: the files they stand in, the order they are drawn in, what counts.
// Hardwood has no module descriptor yet.
@SuppressWarnings("requires-automatic")
module dev.anser.data {
    requires transitive dev.anser.base;
    requires transitive dev.anser.text;
    requires dev.hardwood.core;
    requires java.logging;
    requires tools.jackson.core;
    requires static transitive org.jspecify;

    exports dev.anser.data;
}
