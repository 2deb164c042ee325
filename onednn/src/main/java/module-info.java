/// Matrix products by oneDNN. Found by `ServiceLoader`; nothing here is to be called.
module dev.anser.onednn {
    requires dev.anser.tensor;
    requires static org.jspecify;

    provides dev.anser.tensor.Backend with
            dev.anser.onednn.OneDnnBackend;
}
