package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What every operation keeps, on both backends: it equals its formula, its gradients are those of
/// the formula, and neither the team nor the batch nor the cut of a sequence changes a bit.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class OperationContract {
    private static final int ALL = 1 << 20;

    /// Sizes around the vector's, and one with a long tail.
    static IntStream tails() {
        return IntStream.of(1, Lanes.COUNT - 1, Lanes.COUNT, Lanes.COUNT + 1, 2 * Lanes.COUNT + 3);
    }

    /// For each backend a team of 1, of 2 and of 3.
    private final List<Trial.Machine[]> machines =
            Stream.of("scalar", "vector").map(OperationContract::machines).toList();

    private static Trial.Machine[] machines(String backend) {
        return IntStream.rangeClosed(1, 3)
                .mapToObj(team -> Trial.Machine.of(backend, team))
                .toArray(Trial.Machine[]::new);
    }

    @AfterAll
    void free() {
        for (Trial.Machine[] teams : machines) {
            for (Trial.Machine machine : teams) {
                machine.close();
            }
        }
    }

    abstract Stream<Trial> trials();

    @ParameterizedTest
    @MethodSource("trials")
    void resultsEqualTheFormula(Trial trial) {
        Trial.Results expected = trial.expected(false);
        for (Trial.Machine[] teams : machines) {
            Trial.Results actual = trial.forward(teams[1]);
            String on = teams[1].backend();
            assertClose(on + ": y", actual.y(), expected.y(), trial.tolerance);
            assertClose(on + ": state", actual.states(), expected.states(), trial.tolerance);
        }
    }

    @ParameterizedTest
    @MethodSource("trials")
    void gradientsEqualDifferencesOfTheFormula(Trial trial) {
        Trial.Results expected = trial.expected(true);
        for (Trial.Machine[] teams : machines) {
            assertClose(teams[1].backend(), trial.recorded(teams[1]), expected, trial);
        }
    }

    /// Every element, where the differences are of some.
    @ParameterizedTest
    @MethodSource("trials")
    void vectorsEqualTheReference(Trial trial) {
        Trial.Results expected = trial.recorded(machines.get(0)[0]);
        Trial.Results actual = trial.recorded(machines.get(1)[0]);
        assertClose("vector", actual, expected, trial);
    }

    @ParameterizedTest
    @MethodSource("trials")
    void theTeamChangesNoBit(Trial trial) {
        for (Trial.Machine[] teams : machines) {
            Trial.Results one = trial.recorded(teams[0]);
            assertSame(trial.recorded(teams[1]), one);
            assertSame(trial.recorded(teams[2]), one);
        }
    }

    @ParameterizedTest
    @MethodSource("trials")
    void recordingChangesNoBit(Trial trial) {
        for (Trial.Machine[] teams : machines) {
            Trial.Results recorded = trial.recorded(teams[1]);
            Trial.Results forward = trial.forward(teams[2]);
            assertThat(recorded.states()).isDeepEqualTo(forward.states());
            if (!trial.learnsOtherwise()) {
                assertThat(recorded.y()).isEqualTo(forward.y());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("trials")
    void cutsOfASequenceChangeNoBit(Trial trial) {
        for (Trial.Machine[] teams : machines) {
            Trial.Results whole = trial.forward(teams[1]);
            for (int[] cut : new int[][] {{ALL, ALL}, {1, ALL}, {7, 7}}) {
                Trial.Results pieces = trial.forwardInPieces(teams[2], cut[0], cut[1]);
                assertThat(pieces.y()).as(teams[2].backend()).isEqualTo(whole.y());
                assertThat(pieces.states()).as(teams[2].backend()).isDeepEqualTo(whole.states());
            }
        }
    }

    /// What is summed over rows is so in another order.
    @ParameterizedTest
    @MethodSource("trials")
    void gradientsFlowThroughTheStateFromPieceToPiece(Trial trial) {
        if (trial.truncates) {
            return;
        }
        for (Trial.Machine[] teams : machines) {
            Trial.Results whole = trial.recorded(teams[1]);
            for (int[] cut : new int[][] {{1, ALL}, {7, 7}}) {
                Trial.Results pieces = trial.recordedInPieces(teams[1], cut[0], cut[1]);
                assertThat(pieces.y()).isEqualTo(whole.y());
                assertThat(pieces.states()).isDeepEqualTo(whole.states());
                assertClose(teams[1].backend(), pieces, whole, trial);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("trials")
    void recomputingChangesNoBit(Trial trial) {
        if (trial.isMatrix()) {
            for (Trial.Machine[] teams : machines) {
                assertSame(trial.recomputed(teams[1]), trial.recorded(teams[1]));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("trials")
    void gradientsAreAddedToWhatStands(Trial trial) {
        for (Trial.Machine[] teams : machines) {
            Trial.Results alone = trial.recorded(teams[1]);
            Trial.Results added = trial.added(teams[1], 3);
            for (int i = 0; i < alone.dInputs().length; i++) {
                float[] expected = alone.dInputs()[i].clone();
                for (int n = 0; n < expected.length; n++) {
                    expected[n] += 6; // of a tensor's two gradients one is only what stood there
                }
                assertClose("input " + i, added.dInputs()[i], expected, 2e-6);
            }
        }
    }

    /// A parameter's gradient is then 0, an activation's as ever.
    @ParameterizedTest
    @MethodSource("trials")
    void frozenParametersChangeNoOtherGradient(Trial trial) {
        for (Trial.Machine[] teams : machines) {
            Trial.Results all = trial.recorded(teams[1]);
            Trial.Results frozen = trial.frozen(teams[1]);
            assertThat(frozen.y()).isEqualTo(all.y());
            for (int i = 0; i < all.dInputs().length; i++) {
                float[] none = new float[all.dInputs()[i].length];
                assertThat(frozen.dInputs()[i]).isIn(none, all.dInputs()[i]);
            }
        }
    }

    private static void assertSame(Trial.Results actual, Trial.Results expected) {
        assertThat(actual.y()).isEqualTo(expected.y());
        assertThat(actual.states()).isDeepEqualTo(expected.states());
        assertThat(actual.dInputs()).isDeepEqualTo(expected.dInputs());
        assertThat(actual.dStates()).isDeepEqualTo(expected.dStates());
    }

    private static void assertClose(
            String what, Trial.Results actual, Trial.Results expected, Trial trial) {
        assertClose(what + ": y", actual.y(), expected.y(), trial.tolerance);
        assertClose(what + ": state", actual.states(), expected.states(), trial.tolerance);
        double tolerance = trial.gradientTolerance;
        assertClose(what + ": gradient", actual.dInputs(), expected.dInputs(), tolerance);
        assertClose(what + ": dState", actual.dStates(), expected.dStates(), tolerance);
    }

    private static void assertClose(
            String what, float[][][] actual, float[][][] expected, double tolerance) {
        for (int s = 0; s < expected.length; s++) {
            assertClose(what + " of segment " + s, actual[s], expected[s], tolerance);
        }
    }

    private static void assertClose(
            String what, float[][] actual, float[][] expected, double tolerance) {
        for (int i = 0; i < expected.length; i++) {
            assertClose(what + ", tensor " + i, actual[i], expected[i], tolerance);
        }
    }

    /// Relative to the largest element, or to 1 if that is less. What is expected to be NaN is not
    /// known.
    private static void assertClose(
            String what, float[] actual, float[] expected, double tolerance) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = 1;
        double difference = 0;
        int worst = 0;
        for (int i = 0; i < expected.length; i++) {
            if (!Float.isNaN(expected[i])) {
                largest = Math.max(largest, Math.abs(expected[i]));
                double own = Math.abs((double) actual[i] - expected[i]);
                own = Double.isNaN(own) ? Double.POSITIVE_INFINITY : own;
                worst = own > difference ? i : worst;
                difference = Math.max(difference, own);
            }
        }
        assertThat(difference / largest)
                .as(
                        "%s, element %d: %s, expected %s",
                        what,
                        worst,
                        expected.length == 0 ? 0 : actual[worst],
                        expected.length == 0 ? 0 : expected[worst])
                .isLessThan(tolerance);
    }
}
