package dev.anser.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.anser.base.AnserException;
import dev.anser.base.NativeFiles;
import dev.anser.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// The functions of oneDNN's C API that products need, and its CPU engine.
///
/// Loaded at the first [#get()], for the life of the process.
final class OneDnn {
    /// `dnnl_engine_kind_t`, `dnnl_stream_flags_t`, `dnnl_query_t`, from dnnl_types.h of 3.13.
    private static final int CPU = 1;

    private static final int IN_ORDER = 1;
    private static final int QUERY_IMPLEMENTATION = 8;
    static final int QUERY_SCRATCHPAD = 136;

    /// `dnnl_cpu_isa_t`: AVX-512 with bfloat16 products; AMX includes it.
    private static final int AVX512_BF16 = 0xe7;

    private static @Nullable OneDnn loaded;
    private static @Nullable String failure;

    final MethodHandle setThreads;
    final MethodHandle createDescriptor;
    final MethodHandle destroyDescriptor;
    final MethodHandle descriptorBytes;
    final MethodHandle createMatmul;
    final MethodHandle destroyMatmul;
    final MethodHandle queryDescriptor;
    final MethodHandle createPrimitive;
    final MethodHandle destroyPrimitive;
    final MethodHandle execute;
    final MethodHandle createMemory;
    final MethodHandle destroyMemory;
    final MethodHandle setMemory;
    final MethodHandle createAttributes;
    final MethodHandle destroyAttributes;
    final MethodHandle setScratchpadMode;
    final MethodHandle createPostOperations;
    final MethodHandle destroyPostOperations;
    final MethodHandle appendSum;
    final MethodHandle setPostOperations;
    final MemorySegment engine;
    private final MethodHandle query;
    private final MethodHandle createStream;
    private final MethodHandle effectiveIsa;
    private final SymbolLookup library;
    private final String version;
    private final String instructions;
    private final boolean bfloat16;

    /// The library, loaded once.
    ///
    /// @throws AnserException when it cannot be loaded here; the same each time
    static synchronized OneDnn get() {
        if (failure != null) {
            throw new AnserException(failure);
        }
        if (loaded == null) {
            try {
                Platform platform = Platform.here();
                loaded = new OneDnn(platform, Natives.unpacked(platform, NativeFiles.cache()));
            } catch (AnserException e) {
                failure = e.getMessage();
                throw e;
            }
        }
        return loaded;
    }

    @SuppressWarnings("restricted")
    private OneDnn(Platform platform, Path folder) {
        SymbolLookup openMp;
        try {
            Path own = folder.resolve(platform.openMp());
            openMp =
                    platform.files().contains(platform.openMp())
                            ? SymbolLookup.libraryLookup(own, Arena.global())
                            : SymbolLookup.libraryLookup(platform.openMp(), Arena.global());
            library =
                    SymbolLookup.libraryLookup(folder.resolve(platform.library()), Arena.global());
        } catch (IllegalArgumentException e) {
            throw new AnserException(
                    "oneDNN in "
                            + folder
                            + " cannot be loaded ("
                            + e.getMessage()
                            + "); use ANSER_BACKEND=vector",
                    e);
        }
        setThreads = function(openMp, "omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
        createDescriptor =
                status(
                        "dnnl_memory_desc_create_with_strides",
                        ADDRESS,
                        JAVA_INT,
                        ADDRESS,
                        JAVA_INT,
                        ADDRESS);
        destroyDescriptor = status("dnnl_memory_desc_destroy", ADDRESS);
        descriptorBytes =
                function(
                        library,
                        "dnnl_memory_desc_get_size",
                        FunctionDescriptor.of(JAVA_LONG, ADDRESS));
        createMatmul =
                status(
                        "dnnl_matmul_primitive_desc_create",
                        ADDRESS,
                        ADDRESS,
                        ADDRESS,
                        ADDRESS,
                        ADDRESS,
                        ADDRESS,
                        ADDRESS);
        destroyMatmul = status("dnnl_primitive_desc_destroy", ADDRESS);
        query = status("dnnl_primitive_desc_query", ADDRESS, JAVA_INT, JAVA_INT, ADDRESS);
        queryDescriptor =
                function(
                        library,
                        "dnnl_primitive_desc_query_md",
                        FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT, JAVA_INT));
        createPrimitive = status("dnnl_primitive_create", ADDRESS, ADDRESS);
        destroyPrimitive = status("dnnl_primitive_destroy", ADDRESS);
        execute = status("dnnl_primitive_execute", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
        createMemory = status("dnnl_memory_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS);
        destroyMemory = status("dnnl_memory_destroy", ADDRESS);
        setMemory = status("dnnl_memory_set_data_handle", ADDRESS, ADDRESS);
        createAttributes = status("dnnl_primitive_attr_create", ADDRESS);
        destroyAttributes = status("dnnl_primitive_attr_destroy", ADDRESS);
        setScratchpadMode = status("dnnl_primitive_attr_set_scratchpad_mode", ADDRESS, JAVA_INT);
        createPostOperations = status("dnnl_post_ops_create", ADDRESS);
        destroyPostOperations = status("dnnl_post_ops_destroy", ADDRESS);
        appendSum = status("dnnl_post_ops_append_sum", ADDRESS, JAVA_FLOAT, JAVA_INT, JAVA_INT);
        setPostOperations = status("dnnl_primitive_attr_set_post_ops", ADDRESS, ADDRESS);
        createStream = status("dnnl_stream_create", ADDRESS, ADDRESS, JAVA_INT);
        effectiveIsa =
                function(library, "dnnl_get_effective_cpu_isa", FunctionDescriptor.of(JAVA_INT));
        MethodHandle createEngine = status("dnnl_engine_create", ADDRESS, JAVA_INT, JAVA_LONG);
        MethodHandle readVersion =
                function(library, "dnnl_version", FunctionDescriptor.of(ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check((int) createEngine.invokeExact(out, CPU, 0L), "dnnl_engine_create");
            engine = out.get(ADDRESS, 0);
            MemorySegment numbers = ((MemorySegment) readVersion.invokeExact()).reinterpret(3L * 4);
            version =
                    numbers.getAtIndex(JAVA_INT, 0)
                            + "."
                            + numbers.getAtIndex(JAVA_INT, 1)
                            + "."
                            + numbers.getAtIndex(JAVA_INT, 2);
            int isa = (int) effectiveIsa.invokeExact();
            bfloat16 = platform.name().endsWith("x86_64") && (isa & AVX512_BF16) == AVX512_BF16;
        } catch (Throwable e) {
            throw thrown(e);
        }
        try (OneDnnProducts probe = new OneDnnProducts(this, 1)) {
            instructions = probe.implementation(DType.F32, 256, 256, 256);
        }
    }

    /// As `3.13.0`.
    String version() {
        return version;
    }

    /// The implementation of a middling F32 product, as `brg_matmul:avx2`.
    String instructions() {
        return instructions;
    }

    /// Whether products of `type` are fast here. BF16 is where AMX or AVX-512-BF16 is; on other
    /// processors it has not been measured, or is known to be no faster than F32.
    boolean multiplies(DType type) {
        return type == DType.F32 || type == DType.BF16 && bfloat16;
    }

    MemorySegment newStream() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check((int) createStream.invokeExact(out, engine, IN_ORDER), "dnnl_stream_create");
            return out.get(ADDRESS, 0);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    void destroyStream(MemorySegment stream) {
        destroy(status("dnnl_stream_destroy", ADDRESS), stream);
    }

    @SuppressWarnings("restricted")
    String implementation(MemorySegment matmul) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check(
                    (int) query.invokeExact(matmul, QUERY_IMPLEMENTATION, 0, out),
                    "dnnl_primitive_desc_query");
            return out.get(ADDRESS, 0).reinterpret(256).getString(0);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    static void destroy(MethodHandle destroyer, MemorySegment object) {
        try {
            check((int) destroyer.invokeExact(object), "a function that destroys");
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /// @throws AnserException when `status` is not `dnnl_success`
    static void check(int status, String function) {
        if (status != 0) {
            throw new AnserException(
                    "oneDNN: "
                            + function
                            + " failed with status "
                            + status
                            + " ("
                            + meaning(status)
                            + "); ANSER_BACKEND=vector computes without it");
        }
    }

    /// `dnnl_status_t`.
    private static String meaning(int status) {
        return switch (status) {
            case 1 -> "out of memory";
            case 2 -> "invalid arguments";
            case 3 -> "not implemented";
            case 4 -> "last implementation reached";
            case 5 -> "runtime error";
            case 6 -> "not required";
            default -> "unknown";
        };
    }

    /// What a method handle throws, as something unchecked.
    static RuntimeException thrown(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
    }

    private MethodHandle status(String name, java.lang.foreign.MemoryLayout... arguments) {
        return function(library, name, FunctionDescriptor.of(JAVA_INT, arguments));
    }

    @SuppressWarnings("restricted")
    private static MethodHandle function(
            SymbolLookup library, String name, FunctionDescriptor descriptor) {
        MemorySegment address =
                library.find(name)
                        .orElseThrow(() ->
                                new AnserException(
                                        "this oneDNN has no function "
                                                + name
                                                + "; use the 3.13 that Anser was built with"));
        return Linker.nativeLinker().downcallHandle(address, descriptor);
    }
}
