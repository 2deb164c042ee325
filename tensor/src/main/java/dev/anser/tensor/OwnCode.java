package dev.anser.tensor;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;

/// Kernels that must be compiled by themselves.
///
/// HotSpot inlines what is called often, until there is too much (its NodeCountInliningCutoff);
/// from there on it calls the Vector API's helpers, with vectors as objects on the heap, and is ten
/// times slower. A kernel that fits alone need not fit into the loop that calls it, the less so
/// where that loop calls two of them; then it depends on the order of compilations whether a
/// process is fast. A call by a method handle is not inlined unless the handle is a constant, and
/// what it calls gets code of its own. So handles are kept in collections, never in final fields.
final class OwnCode {
    private OwnCode() {}

    /// A handle of the one method of `kernel`, as `kind` declares it; to be called by
    /// `invokeExact`.
    static <K> MethodHandle of(Class<K> kind, K kernel) {
        Method method =
                Arrays.stream(kind.getDeclaredMethods())
                        .filter(each -> Modifier.isAbstract(each.getModifiers()))
                        .findFirst()
                        .orElseThrow();
        try {
            return MethodHandles.lookup().unreflect(method).bindTo(kernel);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    /// What to throw when a kernel threw `e`.
    static RuntimeException unchecked(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException unchecked ? unchecked : new IllegalStateException(e);
    }
}
