package dev.anser.train.report;

import dev.anser.train.TrainingObserver;
import java.util.List;
import java.util.function.Consumer;

/// Several observers as one.
public final class Observers {
    private Observers() {}

    /// An observer that tells `observers` in their order, and closes them in the reverse order.
    ///
    /// When one throws, those after it are not told, but for [TrainingObserver#finished(String)]
    /// and [TrainingObserver#close()]: these reach all, then the first error comes out with the
    /// others as its suppressed ones.
    public static TrainingObserver all(List<? extends TrainingObserver> observers) {
        return new All(List.copyOf(observers));
    }

    private record All(List<TrainingObserver> observers) implements TrainingObserver {
        @Override
        public void started(Run run) {
            observers.forEach(observer -> observer.started(run));
        }

        @Override
        public void stepped(Step step) {
            for (TrainingObserver observer : observers) {
                observer.stepped(step);
            }
        }

        @Override
        public void evaluated(Evaluation evaluation) {
            observers.forEach(observer -> observer.evaluated(evaluation));
        }

        @Override
        public void sampled(long step, String prompt, String text) {
            observers.forEach(observer -> observer.sampled(step, prompt, text));
        }

        @Override
        public void saved(long step, String file) {
            observers.forEach(observer -> observer.saved(step, file));
        }

        @Override
        public void finished(String reason) {
            tellEach(observers, observer -> observer.finished(reason));
        }

        @Override
        public void close() {
            tellEach(observers.reversed(), TrainingObserver::close);
        }

        private static void tellEach(
                List<TrainingObserver> observers, Consumer<TrainingObserver> what) {
            RuntimeException first = null;
            for (TrainingObserver observer : observers) {
                try {
                    what.accept(observer);
                } catch (RuntimeException e) {
                    if (first == null) {
                        first = e;
                    } else if (first != e) {
                        first.addSuppressed(e);
                    }
                }
            }
            if (first != null) {
                throw first;
            }
        }
    }
}
