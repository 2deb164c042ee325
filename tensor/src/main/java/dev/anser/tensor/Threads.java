package dev.anser.tensor;

import dev.anser.base.AnserException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A fixed team of threads for computing. The caller takes part, so a team of n starts n - 1 daemon
/// threads.
///
/// Work is cut into numbered parts by the caller; whoever is free takes the next one. What a part
/// computes must not depend on who runs it, so results are the same for every team size.
///
/// Several threads may use one team: while it works for one, the others run their parts alone.
public final class Threads implements AutoCloseable {
    /* How it works.
     *
     * One volatile long, `ticket`, holds the number of the run (upper half) and the next part (lower half). A run is
     * published by closing the last one (a next part beyond any number of parts), storing the task, and then a ticket
     * with a new run number; a part is claimed by compare-and-set of ticket to ticket + 1. A claim succeeds only if the
     * ticket is still the one that was read before the task was, so a worker that overslept a run can claim neither a
     * part of the next one with the task of the last, nor, as the last is closed by then, a part of the last with the
     * task of the next.
     *
     * Decoding enters a run every few ten microseconds. Parking and waking a thread costs as much, so workers spin
     * for a while before they park, and the caller spins until the last part is done.
     */

    /// One numbered part of the work.
    @FunctionalInterface
    public interface Task {
        /// Runs part `part` on team member `worker`, 0 (the caller) to [Threads#count()] - 1.
        void run(int part, int worker);
    }

    private static final int SPINS = 20_000;
    private static final int CALLER_SPINS = 5_000;
    private static final long PART = 0xffff_ffffL;
    private static final long CLOSED = 0x7fff_ffffL;

    private static final VarHandle TICKET;
    private static final VarHandle DONE;
    private static final VarHandle BUSY;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            TICKET = lookup.findVarHandle(Threads.class, "ticket", long.class);
            DONE = lookup.findVarHandle(Threads.class, "done", int.class);
            BUSY = lookup.findVarHandle(Threads.class, "busy", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Thread[] workers;
    private final boolean[] parked;
    private volatile boolean closed;
    private volatile long ticket;
    private volatile int done;
    private volatile boolean busy;
    private volatile @Nullable Task task;
    private volatile int parts;
    private volatile @Nullable Throwable failure;

    /// A team of `count` threads, the caller included.
    ///
    /// @throws AnserException when `count` is not between 1 and 1024
    public Threads(int count) {
        if (count < 1 || count > 1024) {
            throw new AnserException(
                    "a team of " + count + " threads is not possible; choose 1 to 1024");
        }
        workers = new Thread[count - 1];
        parked = new boolean[count];
        for (int i = 0; i < workers.length; i++) {
            int worker = i + 1;
            workers[i] = new Thread(() -> work(worker), "anser-compute-" + worker);
            workers[i].setDaemon(true);
            workers[i].start();
        }
    }

    /// How many threads to use when nobody says: `ANSER_THREADS`, or one per processor.
    ///
    /// @throws AnserException when `ANSER_THREADS` is not a number from 1 to 1024
    public static int defaultCount() {
        String text = System.getenv("ANSER_THREADS");
        if (text == null || text.isBlank()) {
            return Runtime.getRuntime().availableProcessors();
        }
        try {
            int count = Integer.parseInt(text.strip());
            if (count >= 1 && count <= 1024) {
                return count;
            }
        } catch (NumberFormatException e) {
            // Reported below with the other wrong values.
        }
        throw new AnserException(
                "ANSER_THREADS is '" + text + "'; expected a number from 1 to 1024");
    }

    /// Members of the team, the caller included.
    public int count() {
        return workers.length + 1;
    }

    /// Runs parts 0 to `parts` - 1 of `task` and returns when all are done.
    ///
    /// An exception of a part is thrown here after the others have finished.
    public void run(Task task, int parts) {
        if (parts <= 0) {
            return;
        }
        if (parts == 1 || workers.length == 0 || !BUSY.compareAndSet(this, false, true)) {
            for (int part = 0; part < parts; part++) {
                task.run(part, 0);
            }
            return;
        }
        try {
            ticket = (ticket & ~PART) | CLOSED;
            this.task = task;
            this.parts = parts;
            failure = null;
            done = 0;
            long run = (ticket >>> 32) + 1;
            ticket = run << 32;
            for (int i = 0; i < workers.length && i < parts - 1; i++) {
                if (isParked(i + 1)) {
                    LockSupport.unpark(workers[i]);
                }
            }
            takeParts(0);
            awaitOthers();
            this.task = null;
            Throwable thrown = failure;
            if (thrown != null) {
                rethrow(thrown);
            }
        } finally {
            busy = false;
        }
    }

    // Yielding only lets a worker have this core; no result depends on it.
    @SuppressWarnings("ThreadPriorityCheck")
    private void awaitOthers() {
        int spins = 0;
        while (done < parts) {
            if (++spins < CALLER_SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    private void takeParts(int worker) {
        while (true) {
            long current = ticket;
            Task task = this.task;
            int parts = this.parts;
            int part = (int) (current & PART);
            if (task == null || part >= parts) {
                return;
            }
            if (TICKET.compareAndSet(this, current, current + 1)) {
                try {
                    task.run(part, worker);
                } catch (RuntimeException | Error e) {
                    failure = e;
                } finally {
                    DONE.getAndAdd(this, 1);
                }
            }
        }
    }

    private void work(int worker) {
        long seen = 0;
        while (!closed) {
            int spins = 0;
            while (ticket >>> 32 == seen) {
                if (closed) {
                    return;
                }
                if (++spins < SPINS) {
                    Thread.onSpinWait();
                    continue;
                }
                setParked(worker, true);
                // A run published between the test and the flag would not unpark us: test again.
                if (ticket >>> 32 == seen && !closed) {
                    LockSupport.park(this);
                }
                setParked(worker, false);
            }
            seen = ticket >>> 32;
            takeParts(worker);
        }
    }

    private static final VarHandle PARKED = MethodHandles.arrayElementVarHandle(boolean[].class);

    private boolean isParked(int worker) {
        return (boolean) PARKED.getVolatile(parked, worker);
    }

    private void setParked(int worker, boolean value) {
        PARKED.setVolatile(parked, worker, value);
    }

    private static void rethrow(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        throw (RuntimeException) thrown;
    }

    /// Ends the team's threads.
    @Override
    public void close() {
        closed = true;
        for (Thread worker : workers) {
            LockSupport.unpark(worker);
        }
    }
}
