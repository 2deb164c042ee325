package dev.anser.model;

import dev.anser.base.AnserException;
import java.nio.file.Path;
import java.util.Locale;

/// The kinds of file that a model can be written as.
public enum ModelFormat {
    /// safetensors with the official names.
    SAFETENSORS(".safetensors", ""),
    /// PyTorch's zip with the official names.
    PTH(".pth", ""),
    /// GGUF, for llama.cpp.
    GGUF(".gguf", "gguf"),
    /// rwkv.cpp's own format.
    RWKV_CPP(".bin", "rwkv.cpp"),
    /// safetensors with web-rwkv's names.
    WEB_RWKV(".st", "web-rwkv"),
    /// A new folder with `model.safetensors` and the `config.json` that describes it, in the layout
    /// that the family has in folders.
    FOLDER("/", "");

    private final String ending;
    private final String layout;

    ModelFormat(String ending, String layout) {
        this.ending = ending;
        this.layout = layout;
    }

    /// The layout of its tensors, see [Layout#name()]; empty for the official one.
    String layout() {
        return layout;
    }

    /// The format that the name of `file` says: a folder when it has no ending.
    ///
    /// @throws AnserException when it says none
    public static ModelFormat of(Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        for (ModelFormat format : values()) {
            if (name.endsWith(format.ending)) {
                return format;
            }
        }
        if (file.getFileName() != null && file.getFileName().toString().indexOf('.') < 0) {
            return FOLDER;
        }
        throw new AnserException(
                file
                        + ": its name does not say which format to write; expected one that ends"
                        + " with .safetensors, .pth, .gguf, .bin (rwkv.cpp) or .st (web-rwkv), or a"
                        + " folder's without an ending");
    }
}
