package dev.anser.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/// Keeps two pulls off one repository at once, in this process and beside it.
final class PullLock implements AutoCloseable {
    private static final long POLL_MILLIS = 100;

    private final FileChannel channel;

    private PullLock(FileChannel channel) {
        this.channel = channel;
    }

    /// Waits for the lock in `folder`, which is made when it is missing.
    static PullLock acquire(Path folder, PullListener listener) {
        Path file = folder.resolve("anser.lock");
        try {
            Files.createDirectories(folder);
            FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            try {
                for (boolean told = false; tryLock(channel) == null; told = true) {
                    if (!told) {
                        listener.retry(folder.getFileName() + ": waits for another pull");
                    }
                    listener.advance(0);
                    Thread.sleep(POLL_MILLIS);
                }
                return new PullLock(channel);
            } catch (IOException | InterruptedException | RuntimeException e) {
                channel.close();
                throw e;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HubException("the pull was interrupted; it can be resumed", e);
        } catch (IOException e) {
            throw new HubException(
                    file
                            + ": could not be locked ("
                            + e
                            + "); set HF_HUB_CACHE to a folder that"
                            + " can be written",
                    e);
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // Another thread of this process has it.
            return null;
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new HubException("a lock of the cache could not be given back (" + e + ")", e);
        }
    }
}
