package dev.anser.text;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import dev.anser.base.AnserException;
import dev.anser.base.NativeFiles;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.URL;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/// A tokenizer of Hugging Face's library, which is native. Nothing of the library is touched before
/// the first one is made. For any number of threads; its memory is freed when it is garbage.
final class NativeTokenizer {
    /* DJL's own loader looks for CUDA, may download another build and needs five more jars. The
     * classes that call the library do not need it: they find whatever this class loader loaded.
     */
    private static final String FOLDER = "/native/lib/";

    private static boolean loaded;

    private final long handle;

    /// Makes the tokenizer that `json`, the text of a `tokenizer.json`, describes. It cuts and pads
    /// nothing.
    ///
    /// @throws TokenizerException when the library refuses it; `source` names it in the message
    NativeTokenizer(String source, String json) {
        load();
        TokenizersLibrary library = TokenizersLibrary.LIB;
        try {
            this.handle = library.createTokenizerFromString(json);
        } catch (RuntimeException e) {
            throw new TokenizerException(
                    source
                            + ": Hugging Face's library cannot use this tokenizer ("
                            + e.getMessage()
                            + ")",
                    e);
        }
        long freed = handle;
        Frees.CLEANER.register(this, () -> library.deleteTokenizer(freed));
        library.disableTruncation(handle);
        library.disablePadding(handle);
    }

    /// The ids of `text`, with or without what the tokenizer adds at either end.
    int[] encode(String text, boolean withAdded) {
        TokenizersLibrary library = TokenizersLibrary.LIB;
        long encoding = library.encode(handle, text, withAdded);
        try {
            long[] ids = library.getTokenIds(encoding);
            int[] narrow = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                narrow[i] = Math.toIntExact(ids[i]);
            }
            return narrow;
        } finally {
            library.deleteEncoding(encoding);
            Reference.reachabilityFence(this);
        }
    }

    @SuppressWarnings("restricted") // a native library is what this class is for
    private static synchronized void load() {
        if (loaded) {
            return;
        }
        String system = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        boolean mac = system.startsWith("mac");
        boolean windows = system.startsWith("windows");
        String processor =
                switch (System.getProperty("os.arch", "")) {
                    case "amd64", "x86_64" -> "x86_64";
                    case "arm64", "aarch64" -> "aarch64";
                    case String other -> other;
                };
        String platform = (mac ? "osx" : windows ? "win" : system) + "-" + processor;
        List<String> files =
                windows
                        ? List.of(
                                "libwinpthread-1.dll",
                                "libgcc_s_seh-1.dll",
                                "libstdc++-6.dll",
                                "tokenizers.dll")
                        : List.of(mac ? "libtokenizers.dylib" : "libtokenizers.so");
        for (String file : files) {
            URL resource = TokenizersLibrary.class.getResource(FOLDER + platform + "/cpu/" + file);
            if (resource == null) {
                throw new AnserException(
                        "there is no library of Hugging Face's tokenizers for "
                                + platform
                                + "; use a vocabulary in the format of RWKV's rwkv_vocab_*.txt");
            }
            Path unpacked = NativeFiles.unpacked(resource, file, NativeFiles.cache());
            try {
                System.load(unpacked.toAbsolutePath().toString());
            } catch (UnsatisfiedLinkError e) {
                throw new AnserException(
                        unpacked + " cannot be loaded (" + e.getMessage() + ")", e);
            }
        }
        loaded = true;
    }

    /// Its thread starts with the first native tokenizer.
    private static final class Frees {
        static final Cleaner CLEANER = Cleaner.create();
    }
}
