package dev.anser.train.report;

import dev.anser.train.TrainingException;
import dev.anser.train.TrainingObserver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// Writes a run as TensorBoard reads it: `tensorboard --logdir FOLDER`.
///
/// Each start of a run makes an event file of its own in the folder. The file of a resumed run says
/// so, and TensorBoard drops what earlier files have of the steps that are done again.
///
/// Scalars are `train/loss`, `train/learning_rate`, `train/gradient_norm`,
/// `train/tokens_per_second`, `train/gigaflops_per_second`, `validation/loss` (nats per token) and
/// `validation/bits_per_byte`; texts are `run` (the settings) and `sample`. Records are buffered
/// and go to the system once a second, and with each evaluation, sample and save.
public final class TensorBoardFile implements TrainingObserver {
    private static final int BUFFER = 1 << 16;
    private static final long FLUSH_NANOS = TimeUnit.SECONDS.toNanos(1);

    // Fields of tensorflow.Event, tensorflow/core/util/event.proto.
    private static final int WALL_TIME = 1;
    private static final int STEP = 2;
    private static final int FILE_VERSION = 3;
    private static final int SUMMARY = 5;
    private static final int SESSION_LOG = 7;
    // Of tensorflow.Summary and Summary.Value, tensorflow/core/framework/summary.proto.
    private static final int VALUE = 1;
    private static final int TAG = 1;
    private static final int SIMPLE_VALUE = 2;
    private static final int TENSOR = 8;
    private static final int METADATA = 9;
    // Of SummaryMetadata and its PluginData.
    private static final int PLUGIN_DATA = 1;
    private static final int DATA_CLASS = 4;
    private static final int DATA_CLASS_TENSOR = 2;
    private static final int PLUGIN_NAME = 1;
    // Of TensorProto, tensorflow/core/framework/tensor.proto.
    private static final int DTYPE = 1;
    private static final int DT_STRING = 7;
    private static final int TENSOR_SHAPE = 2;
    private static final int STRING_VALUE = 8;
    // Of SessionLog.
    private static final int STATUS = 1;
    private static final int START = 1;

    private static final int LONGEST_TEXT = 20_000;

    private final Path folder;
    private final InstantSource clock;
    private final ByteBuffer buffer =
            ByteBuffer.allocateDirect(BUFFER).order(ByteOrder.LITTLE_ENDIAN);
    private Path file;
    private @Nullable FileChannel channel;
    private long flushed;

    /// Watches a run into a new file in `folder`, which is created with the file when the run
    /// starts.
    public TensorBoardFile(Path folder) {
        this(folder, InstantSource.system());
    }

    TensorBoardFile(Path folder, InstantSource clock) {
        this.folder = folder;
        this.file = folder;
        this.clock = clock;
    }

    @Override
    public void started(Run run) {
        open();
        add(event().text(FILE_VERSION, "brain.Event:2"));
        if (run.firstStep() > 0) {
            add(
                    event().integer(STEP, run.firstStep() + 1)
                            .message(SESSION_LOG, new ProtobufMessage().integer(STATUS, START)));
        }
        StringBuilder settings = new StringBuilder();
        settings.append("version: ").append(run.version());
        settings.append("\nparameters: ").append(run.parameters());
        run.settings().forEach((name, value) -> settings.append('\n').append(name + ": " + value));
        addText(run.firstStep(), "run", settings.toString());
        flush();
    }

    private void open() {
        String prefix =
                String.format(
                        Locale.ROOT,
                        "events.out.tfevents.%010d.anser",
                        clock.instant().getEpochSecond());
        try {
            Files.createDirectories(folder);
            // Runs that start in one second have files of their own, and in order.
            for (int i = 0; channel == null; i++) {
                file = folder.resolve(i == 0 ? prefix : prefix + "." + i);
                try {
                    channel =
                            FileChannel.open(
                                    file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                } catch (FileAlreadyExistsException e) {
                    if (i == 1000) {
                        throw e;
                    }
                }
            }
        } catch (IOException e) {
            throw failure(e);
        }
        flushed = System.nanoTime();
    }

    @Override
    public void stepped(Step step) {
        ProtobufMessage summary = new ProtobufMessage();
        scalar(summary, "train/loss", step.loss());
        scalar(summary, "train/learning_rate", step.learningRate());
        scalar(summary, "train/gradient_norm", step.gradientNorm());
        scalar(summary, "train/tokens_per_second", step.tokensPerSecond());
        scalar(summary, "train/gigaflops_per_second", step.gigaflopsPerSecond());
        add(event().integer(STEP, step.step()).message(SUMMARY, summary));
        if (System.nanoTime() - flushed > FLUSH_NANOS) {
            flush();
        }
    }

    @Override
    public void evaluated(Evaluation evaluation) {
        ProtobufMessage summary = new ProtobufMessage();
        scalar(summary, "validation/loss", evaluation.loss());
        if (!Double.isNaN(evaluation.bitsPerByte())) {
            scalar(summary, "validation/bits_per_byte", evaluation.bitsPerByte());
        }
        add(event().integer(STEP, evaluation.step()).message(SUMMARY, summary));
        flush();
    }

    private static void scalar(ProtobufMessage summary, String tag, double value) {
        summary.message(
                VALUE, new ProtobufMessage().text(TAG, tag).number(SIMPLE_VALUE, (float) value));
    }

    @Override
    public void sampled(long step, String prompt, String text) {
        addText(step, "sample", prompt + text);
        flush();
    }

    /// A text of the text plugin, which shows Markdown: indented lines are shown as they are.
    private void addText(long step, String tag, String text) {
        String indented =
                "    " + Texts.cut(text, LONGEST_TEXT).replace("\r", "").replace("\n", "\n    ");
        ProtobufMessage tensor =
                new ProtobufMessage()
                        .integer(DTYPE, DT_STRING)
                        .message(TENSOR_SHAPE, new ProtobufMessage())
                        .text(STRING_VALUE, indented);
        ProtobufMessage metadata =
                new ProtobufMessage()
                        .message(PLUGIN_DATA, new ProtobufMessage().text(PLUGIN_NAME, "text"))
                        .integer(DATA_CLASS, DATA_CLASS_TENSOR);
        ProtobufMessage value =
                new ProtobufMessage()
                        .text(TAG, tag)
                        .message(TENSOR, tensor)
                        .message(METADATA, metadata);
        add(
                event().integer(STEP, step)
                        .message(SUMMARY, new ProtobufMessage().message(VALUE, value)));
    }

    @Override
    public void saved(long step, String file) {
        flush();
    }

    @Override
    public void finished(String reason) {
        flush();
    }

    private ProtobufMessage event() {
        Instant now = clock.instant();
        return new ProtobufMessage().number(WALL_TIME, now.getEpochSecond() + now.getNano() / 1e9);
    }

    /// Adds a TFRecord: the length, its checksum, the bytes, their checksum.
    private void add(ProtobufMessage event) {
        byte[] bytes = event.toByteArray();
        int size = bytes.length + 16;
        if (buffer.remaining() < size) {
            flush();
        }
        ByteBuffer to =
                size <= BUFFER ? buffer : ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        int start = to.position();
        to.putLong(bytes.length);
        to.putInt(maskedChecksum(to.duplicate().flip().position(start)));
        to.put(bytes);
        to.putInt(maskedChecksum(ByteBuffer.wrap(bytes)));
        if (to != buffer) {
            write(to.flip());
        }
    }

    /// CRC-32C, turned and moved so that a checksum over bytes with checksums stays a good one:
    /// `masked_crc32c` of tensorflow/core/lib/io/record_writer.
    static int maskedChecksum(ByteBuffer bytes) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes);
        return Integer.rotateRight((int) checksum.getValue(), 15) + 0xa282ead8;
    }

    private void flush() {
        write(buffer.flip());
        buffer.clear();
        flushed = System.nanoTime();
    }

    private void write(ByteBuffer bytes) {
        FileChannel out = channel;
        if (out == null) {
            throw new IllegalStateException(folder + ": the run has not started, or is closed");
        }
        try {
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
        } catch (IOException e) {
            throw failure(e);
        }
    }

    @Override
    public void close() {
        FileChannel out = channel;
        if (out == null) {
            return;
        }
        try (out) {
            flush();
        } catch (IOException e) {
            throw failure(e);
        } finally {
            channel = null;
        }
    }

    private TrainingException failure(IOException e) {
        return MetricsLines.failure(file, "the TensorBoard events cannot be written", e);
    }
}
