package dev.anser.tensor;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Where the time of training passes goes: see [Tape#time(OperationTimes)].
///
/// For one thread.
public final class OperationTimes {
    /// The time of one operation.
    ///
    /// @param operation the name of the method of [Ops]
    /// @param forwardNanos of all its forward steps, those computed again included
    /// @param backwardNanos of all its backward steps
    public record Entry(String operation, long forwardNanos, long backwardNanos) {}

    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private long last;

    /// No time yet.
    public OperationTimes() {}

    /// Starts the clock.
    void start() {
        last = System.nanoTime();
    }

    /// Adds the time since the last call to a forward step of `operation`.
    void forward(String operation) {
        add(operation, lap(), 0);
    }

    /// Adds the time since the last call to a backward step of `operation`.
    void backward(String operation) {
        add(operation, 0, lap());
    }

    private long lap() {
        long now = System.nanoTime();
        long nanos = now - last;
        last = now;
        return nanos;
    }

    private void add(String operation, long forward, long backward) {
        Entry before = entries.getOrDefault(operation, new Entry(operation, 0, 0));
        entries.put(
                operation,
                new Entry(
                        operation,
                        before.forwardNanos() + forward,
                        before.backwardNanos() + backward));
    }

    /// One entry for each operation that ran, in the order of their first runs.
    public List<Entry> entries() {
        return List.copyOf(entries.values());
    }

    /// Nanoseconds of these operations, forwards and backwards.
    public long nanos(Collection<String> operations) {
        long nanos = 0;
        for (Entry entry : entries.values()) {
            if (operations.contains(entry.operation())) {
                nanos += entry.forwardNanos() + entry.backwardNanos();
            }
        }
        return nanos;
    }

    /// Forgets all times.
    public void clear() {
        entries.clear();
    }
}
