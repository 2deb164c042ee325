/// What every room may use: the root of all errors and whole-file writing.
module dev.anser.base {
    requires static transitive org.jspecify;

    exports dev.anser.base;
}
