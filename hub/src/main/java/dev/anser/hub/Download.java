package dev.anser.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/// One file on its way into the cache: its beginning lies in `<checksum>.incomplete` and stays
/// there when the rest does not come.
final class Download {
    /// So many bytes are progress, after which earlier failures do not count.
    private static final long PROGRESS = 1 << 24;

    private static final int BUFFER = 1 << 17;

    private final HubClient client;
    private final HubSettings settings;
    private final RemoteFile file;
    private final Path part;
    private final PullListener listener;
    private final Checksum checksum;
    private long have;

    private Download(
            HubClient client,
            HubSettings settings,
            RemoteFile file,
            Path part,
            PullListener listener) {
        this.client = client;
        this.settings = settings;
        this.file = file;
        this.part = part;
        this.listener = listener;
        this.checksum = new Checksum(file);
    }

    /// Makes `blob` the content of `file`, unless it is that already.
    ///
    /// @throws HubException when it cannot be had whole and right
    static void into(
            Path blob,
            RemoteFile file,
            HubClient client,
            HubSettings settings,
            PullListener listener) {
        listener.file(file.name(), file.size());
        try {
            if (Files.isRegularFile(blob) && Files.size(blob) == file.size()) {
                listener.advance(file.size());
                return;
            }
            Path part = blob.resolveSibling(blob.getFileName() + ".incomplete");
            new Download(client, settings, file, part, listener).run();
            Files.move(part, blob, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new HubException(file.name() + ": could not be kept in the cache (" + e + ")", e);
        }
    }

    private void run() throws IOException {
        Retries retries = new Retries(file.name(), settings.pause(), listener);
        try (FileChannel channel =
                FileChannel.open(
                        part,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            readPart(channel);
            checkSpace();
            long counted = have;
            while (have < file.size()) {
                try {
                    attempt(channel);
                } catch (IOException e) {
                    if (have - counted >= PROGRESS) {
                        retries.progressed();
                    }
                    counted = have;
                    retries.failed(e);
                }
            }
            channel.force(true);
        }
        String found = checksum.finish();
        if (!found.equals(file.etag())) {
            Files.delete(part);
            throw new HubException(
                    "%s: arrived with checksum %s, expected %s; it is not kept, pull it again"
                            .formatted(file.name(), found, file.etag()));
        }
    }

    private void readPart(FileChannel channel) throws IOException {
        if (channel.size() > file.size()) {
            channel.truncate(0);
        }
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
        while (channel.read(buffer.clear()) > 0) {
            int length = buffer.flip().remaining();
            checksum.add(buffer);
            have += length;
            listener.advance(length);
        }
    }

    private void checkSpace() throws IOException {
        long space = Files.getFileStore(part).getUsableSpace();
        if (space < file.size() - have) {
            throw new HubException(
                    "%s: needs %d bytes more, but %s has room for %d; make room, or set HF_HUB_CACHE to a bigger disk"
                            .formatted(file.name(), file.size() - have, part.getParent(), space));
        }
    }

    private void attempt(FileChannel channel) throws IOException {
        HttpResponse<InputStream> response = client.get(file.address(), file.name(), have);
        try (InputStream body = response.body();
                StallGuard guard = new StallGuard(body, settings.stall())) {
            if (response.statusCode() == 416) {
                restart(channel);
                throw new IOException("the hub does not know the rest of the file");
            }
            if (response.statusCode() == 200) {
                restart(channel);
            } else {
                checkRange(response);
            }
            byte[] bytes = new byte[BUFFER];
            while (have < file.size()) {
                int length = read(body, bytes);
                guard.alive();
                keep(channel, ByteBuffer.wrap(bytes, 0, length));
            }
        }
    }

    /// Reads at least one byte, and none beyond the end of the file.
    private int read(InputStream body, byte[] bytes) throws IOException {
        String reason = "it ended";
        try {
            int length = body.read(bytes, 0, (int) Math.min(BUFFER, file.size() - have));
            if (length > 0) {
                return length;
            }
        } catch (IOException e) {
            reason = String.valueOf(e.getMessage());
        }
        throw new IOException(
                "the connection was cut after %d of %d bytes (%s)"
                        .formatted(have, file.size(), reason));
    }

    private void restart(FileChannel channel) {
        try {
            channel.truncate(0);
        } catch (IOException e) {
            throw new HubException(part + ": could not be emptied (" + e + ")", e);
        }
        checksum.restart();
        listener.advance(-have);
        have = 0;
    }

    private void checkRange(HttpResponse<?> response) {
        String range = response.headers().firstValue("Content-Range").orElse("");
        if (!range.startsWith("bytes " + have + "-")) {
            throw new HubException(
                    "%s: the hub sent the range '%s', expected one from byte %d; pull it again"
                            .formatted(file.name(), SafePath.printable(range), have));
        }
    }

    private void keep(FileChannel channel, ByteBuffer bytes) {
        int length = bytes.remaining();
        try {
            long position = have;
            ByteBuffer rest = bytes.duplicate();
            while (rest.hasRemaining()) {
                position += channel.write(rest, position);
            }
        } catch (IOException e) {
            // No retry helps here, as it does where the network fails.
            throw new HubException(part + ": could not be written (" + e.getMessage() + ")", e);
        }
        checksum.add(bytes);
        have += length;
        listener.advance(length);
    }
}
