package dev.anser.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.anser.base.AnserException;
import dev.anser.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// One compiled product of oneDNN with its memory objects, to be executed at any addresses.
///
/// For one thread.
final class Matmul implements AutoCloseable {
    /// What a product is compiled for.
    record Form(
            DType type,
            int m,
            int n,
            int k,
            boolean transposedA,
            long strideA,
            boolean transposedB,
            long strideB,
            long strideC,
            boolean accumulate) {}

    /// `dnnl_data_type_t` and `DNNL_ARG_…`, from dnnl_types.h of 3.13.
    private static final int BF16 = 2;

    private static final int F32 = 3;
    private static final int SOURCE = 1;
    private static final int DESTINATION = 17;
    private static final int WEIGHTS = 33;
    private static final int SCRATCHPAD = 80;
    private static final int SCRATCHPAD_OF_USER = 1;

    /// `dnnl_exec_arg_t`: an int, then a pointer.
    private static final int ARGUMENT_BYTES = 16;

    private final OneDnn library;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment arguments = arena.allocate(4L * ARGUMENT_BYTES, 8);
    private final MemorySegment primitive;
    private final MemorySegment source;
    private final MemorySegment weights;
    private final MemorySegment destination;
    private final MemorySegment scratchpad;
    private final String implementation;
    private final long scratchBytes;

    Matmul(OneDnn library, Form form) {
        this.library = library;
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment out = temporary.allocate(ADDRESS);
            int type = form.type() == DType.BF16 ? BF16 : F32;
            MemorySegment a =
                    descriptor(form.m(), form.k(), type, form.transposedA(), form.strideA(), out);
            MemorySegment b =
                    descriptor(form.k(), form.n(), type, form.transposedB(), form.strideB(), out);
            MemorySegment c = descriptor(form.m(), form.n(), F32, false, form.strideC(), out);
            MemorySegment attributes = attributes(form.accumulate(), out);
            OneDnn.check(
                    (int)
                            library.createMatmul.invokeExact(
                                    out, library.engine, a, b, MemorySegment.NULL, c, attributes),
                    "dnnl_matmul_primitive_desc_create of " + form);
            MemorySegment matmul = out.get(ADDRESS, 0);
            OneDnn.destroy(library.destroyAttributes, attributes);
            implementation = library.implementation(matmul);
            if (implementation.startsWith("ref")) {
                throw new AnserException(
                        "oneDNN has only its slow reference for "
                                + form
                                + "; ANSER_BACKEND=vector computes without it");
            }
            MemorySegment scratch =
                    (MemorySegment)
                            library.queryDescriptor.invokeExact(matmul, OneDnn.QUERY_SCRATCHPAD, 0);
            scratchBytes = (long) library.descriptorBytes.invokeExact(scratch);
            OneDnn.check(
                    (int) library.createPrimitive.invokeExact(out, matmul),
                    "dnnl_primitive_create of " + form);
            primitive = out.get(ADDRESS, 0);
            source = memory(0, SOURCE, a, out);
            weights = memory(1, WEIGHTS, b, out);
            destination = memory(2, DESTINATION, c, out);
            scratchpad = memory(3, SCRATCHPAD, scratch, out);
            OneDnn.destroy(library.destroyDescriptor, a);
            OneDnn.destroy(library.destroyDescriptor, b);
            OneDnn.destroy(library.destroyDescriptor, c);
            OneDnn.destroy(library.destroyMatmul, matmul);
        } catch (Throwable e) {
            throw OneDnn.thrown(e);
        }
    }

    /// As `brg_matmul:avx2`.
    String implementation() {
        return implementation;
    }

    /// Bytes that [#execute] needs of scratch memory.
    long scratchBytes() {
        return scratchBytes;
    }

    void execute(MemorySegment stream, long a, long b, long c, MemorySegment scratch) {
        try {
            set(source, MemorySegment.ofAddress(a));
            set(weights, MemorySegment.ofAddress(b));
            set(destination, MemorySegment.ofAddress(c));
            set(scratchpad, scratch);
            OneDnn.check(
                    (int) library.execute.invokeExact(primitive, stream, 4, arguments),
                    "dnnl_primitive_execute");
        } catch (Throwable e) {
            throw OneDnn.thrown(e);
        }
    }

    private void set(MemorySegment memory, MemorySegment address) throws Throwable {
        OneDnn.check(
                (int) library.setMemory.invokeExact(memory, address),
                "dnnl_memory_set_data_handle");
    }

    /// A matrix (rows, columns), or its transpose as it is stored.
    private MemorySegment descriptor(
            long rows, long columns, int type, boolean transposed, long stride, MemorySegment out)
            throws Throwable {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment sizes = temporary.allocateFrom(JAVA_LONG, rows, columns);
            MemorySegment strides =
                    temporary.allocateFrom(
                            JAVA_LONG, transposed ? 1 : stride, transposed ? stride : 1);
            OneDnn.check(
                    (int) library.createDescriptor.invokeExact(out, 2, sizes, type, strides),
                    "dnnl_memory_desc_create_with_strides");
            return out.get(ADDRESS, 0);
        }
    }

    private MemorySegment attributes(boolean accumulate, MemorySegment out) throws Throwable {
        OneDnn.check((int) library.createAttributes.invokeExact(out), "dnnl_primitive_attr_create");
        MemorySegment attributes = out.get(ADDRESS, 0);
        OneDnn.check(
                (int) library.setScratchpadMode.invokeExact(attributes, SCRATCHPAD_OF_USER),
                "dnnl_primitive_attr_set_scratchpad_mode");
        if (accumulate) {
            OneDnn.check(
                    (int) library.createPostOperations.invokeExact(out), "dnnl_post_ops_create");
            MemorySegment operations = out.get(ADDRESS, 0);
            OneDnn.check(
                    (int) library.appendSum.invokeExact(operations, 1f, 0, F32),
                    "dnnl_post_ops_append_sum");
            OneDnn.check(
                    (int) library.setPostOperations.invokeExact(attributes, operations),
                    "dnnl_primitive_attr_set_post_ops");
            OneDnn.destroy(library.destroyPostOperations, operations);
        }
        return attributes;
    }

    private MemorySegment memory(
            int position, int argument, MemorySegment descriptor, MemorySegment out)
            throws Throwable {
        OneDnn.check(
                (int)
                        library.createMemory.invokeExact(
                                out, descriptor, library.engine, MemorySegment.NULL),
                "dnnl_memory_create");
        MemorySegment memory = out.get(ADDRESS, 0);
        long offset = (long) position * ARGUMENT_BYTES;
        arguments.set(JAVA_INT, offset, argument);
        arguments.set(ADDRESS, offset + 8, memory);
        return memory;
    }

    @Override
    public void close() {
        OneDnn.destroy(library.destroyPrimitive, primitive);
        for (MemorySegment memory :
                new MemorySegment[] {source, weights, destination, scratchpad}) {
            OneDnn.destroy(library.destroyMemory, memory);
        }
        arena.close();
    }
}
