package dev.anser.hub;

/// Hears how far a pull is. Whatever it throws stops the pull, which can be resumed.
public interface PullListener {
    /// Hears nothing.
    PullListener SILENT =
            new PullListener() {
                @Override
                public void file(String name, long bytes) {}

                @Override
                public void advance(long bytes) {}

                @Override
                public void retry(String reason) {}
            };

    /// A file of `bytes` bytes begins.
    void file(String name, long bytes);

    /// `bytes` more of it are there; fewer than none when it begins anew, none while it waits.
    void advance(long bytes);

    /// What went wrong and is tried again.
    void retry(String reason);
}
