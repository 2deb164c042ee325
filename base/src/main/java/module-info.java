/// What every room may use: the root of all errors, whole-file writing, native files out of jars.
module dev.anser.base {
    requires static transitive org.jspecify;

    exports dev.anser.base;
}
