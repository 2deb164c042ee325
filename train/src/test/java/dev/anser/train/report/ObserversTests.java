package dev.anser.train.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.train.TrainingObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ObserversTests {
    private final List<String> heard = new ArrayList<>();

    @Test
    void everyEventReachesAllInOrderAndClosingIsReversed() {
        try (TrainingObserver all = Observers.all(List.of(listener("a"), listener("b")))) {
            all.started(new TrainingObserver.Run("x", Map.of(), 1, 0, 1, 1, ""));
            all.stepped(new TrainingObserver.Step(1, 1, 1, 1, 1, 1, 1, 1));
            all.evaluated(new TrainingObserver.Evaluation(1, 1, 1, 1));
            all.sampled(1, "p", "t");
            all.saved(1, "f");
            all.finished("done");
        }
        assertThat(heard)
                .containsExactly(
                        "a started",
                        "b started",
                        "a stepped",
                        "b stepped",
                        "a evaluated",
                        "b evaluated",
                        "a sampled",
                        "b sampled",
                        "a saved",
                        "b saved",
                        "a finished",
                        "b finished",
                        "b closed",
                        "a closed");
    }

    @Test
    void oneThatThrowsDoesNotKeepTheOthersFromEnding() {
        RuntimeException first = new IllegalStateException("first");
        RuntimeException second = new IllegalStateException("second");
        TrainingObserver all =
                Observers.all(List.of(listener("a"), throwing(second), throwing(first)));
        assertThatThrownBy(all::close).isSameAs(first).hasSuppressedException(second);
        assertThatThrownBy(() -> all.finished("done")).isSameAs(second);
        assertThat(heard).containsExactly("a closed", "a finished");
    }

    private static TrainingObserver throwing(RuntimeException e) {
        return new TrainingObserver() {
            @Override
            public void finished(String reason) {
                throw e;
            }

            @Override
            public void close() {
                throw e;
            }
        };
    }

    private TrainingObserver listener(String name) {
        return new TrainingObserver() {
            @Override
            public void started(Run run) {
                heard.add(name + " started");
            }

            @Override
            public void stepped(Step step) {
                heard.add(name + " stepped");
            }

            @Override
            public void evaluated(Evaluation evaluation) {
                heard.add(name + " evaluated");
            }

            @Override
            public void sampled(long step, String prompt, String text) {
                heard.add(name + " sampled");
            }

            @Override
            public void saved(long step, String file) {
                heard.add(name + " saved");
            }

            @Override
            public void finished(String reason) {
                heard.add(name + " finished");
            }

            @Override
            public void close() {
                heard.add(name + " closed");
            }
        };
    }
}
