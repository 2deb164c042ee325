/// Model files: named tensors and metadata, read lazily and written whole.
module dev.anser.checkpoint {
    requires transitive dev.anser.tensor;
    requires static transitive org.jspecify;

    exports dev.anser.checkpoint;
}
