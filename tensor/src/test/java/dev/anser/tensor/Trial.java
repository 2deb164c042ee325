package dev.anser.tensor;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/// One operation on one choice of sizes and numbers, with the formula that it should equal.
///
/// It runs on any backend and team: forwards or recorded, in one batch or each sequence cut into
/// pieces. The loss that gradients are of is a sum of all results and of the carried tensors after
/// them, each times a random number. Immutable.
final class Trial {
    /// What trials run on: a backend and a team.
    record Machine(String backend, Threads threads, EagerOps eager, Tape tape)
            implements AutoCloseable {
        static Machine of(String backend, int team) {
            Threads threads = new Threads(team);
            EagerOps eager = Backends.named(backend).newOps(threads);
            return new Machine(backend, threads, eager, new Tape());
        }

        @Override
        public void close() {
            tape.close();
            eager.close();
            threads.close();
        }
    }

    /// Makes the operation; it is used up by each run.
    interface Maker {
        Operation make(Tensor[] inputs, Segments segments);
    }

    /// Where a formula is taken: sequences of `lengths` tokens, the inputs, each flat, and the
    /// carried tensors by segment and slot.
    record Point(int[] lengths, double[][] inputs, double[][][] states) {
        /// The same inputs, and copies of the states.
        Point again() {
            double[][][] carried = new double[states.length][][];
            for (int s = 0; s < states.length; s++) {
                carried[s] = new double[states[s].length][];
                for (int i = 0; i < carried[s].length; i++) {
                    carried[s][i] = states[s][i].clone();
                }
            }
            return new Point(lengths, inputs, carried);
        }
    }

    /// What the operation computes, in double.
    interface Formula {
        /// The result at `point`, whose states it moves on. What has no gradient by design is
        /// computed from `constants`, the point that the gradient is taken at.
        double[] of(Point point, Point constants);
    }

    /// The result of a run, the carried tensors after it and the gradients to the inputs and to the
    /// carried tensors before it.
    record Results(float[] y, float[][][] states, float[][] dInputs, float[][][] dStates) {}

    /// How a run is recorded.
    ///
    /// @param recompute whether the operation is run again in the backward step
    /// @param frozen whether nobody wants gradients of parameters and of the carried tensors before
    /// @param standing what stands in all gradients before
    /// @param dStates the gradients to the carried tensors after the run
    private record Recording(
            boolean recompute, boolean frozen, float standing, float[][][] dStates) {
        Recording(float[][][] dStates) {
            this(false, false, 0, dStates);
        }
    }

    private record Input(int columns, float[] numbers, boolean ofRows, boolean learned) {}

    private record Slot(float[][] numbers, boolean learned, boolean counts) {}

    /// Collects what a trial is of; inputs and slots are numbered in the order they are added.
    static final class Builder {
        private final String name;
        private final int[] lengths;
        private final Random random;
        private final List<Input> inputs = new ArrayList<>();
        private final List<Slot> slots = new ArrayList<>();
        private int parts = 1;
        private boolean truncates;
        private double tolerance = 3e-6;
        private double gradientTolerance = 1e-5;

        /// Sequences of `lengths` tokens.
        Builder(String name, int... lengths) {
            this.name = name;
            this.lengths = lengths;
            random = new Random(name.hashCode());
        }

        DoubleSupplier gaussian(double scale) {
            return () -> random.nextGaussian() * scale;
        }

        DoubleSupplier uniform(double low, double high) {
            return () -> low + (high - low) * random.nextDouble();
        }

        DoubleSupplier anyOf(double... numbers) {
            return () -> numbers[random.nextInt(numbers.length)];
        }

        /// An input with a row for each token.
        Builder rows(int columns, DoubleSupplier numbers) {
            int rows = Arrays.stream(lengths).sum();
            inputs.add(new Input(columns, draw(rows * columns, numbers), true, true));
            return this;
        }

        /// The same, without a gradient.
        Builder constantRows(int columns, DoubleSupplier numbers) {
            int rows = Arrays.stream(lengths).sum();
            inputs.add(new Input(columns, draw(rows * columns, numbers), true, false));
            return this;
        }

        /// An input that is one for all tokens.
        Builder vector(int columns, DoubleSupplier numbers) {
            inputs.add(new Input(columns, draw(columns, numbers), false, true));
            return this;
        }

        /// A carried tensor with gradients before and after.
        Builder state(int elements, DoubleSupplier numbers) {
            return slot(_ -> elements, numbers, true);
        }

        /// A carried tensor without gradients, its size that of a sequence's length.
        Builder constantState(IntUnaryOperator elements, DoubleSupplier numbers) {
            return slot(elements, numbers, false);
        }

        /// A carried number of tokens: `past`, and those of a batch before it runs.
        Builder counter(int past) {
            float[][] numbers = new float[lengths.length][];
            Arrays.setAll(numbers, _ -> new float[] {past});
            slots.add(new Slot(numbers, false, true));
            return this;
        }

        private Builder slot(IntUnaryOperator elements, DoubleSupplier numbers, boolean learned) {
            float[][] carried = new float[lengths.length][];
            Arrays.setAll(carried, s -> draw(elements.applyAsInt(lengths[s]), numbers));
            slots.add(new Slot(carried, learned, false));
            return this;
        }

        /// The result is of so many parts.
        Builder parts(int parts) {
            this.parts = parts;
            return this;
        }

        /// Gradients do not flow from one piece of a sequence to the one before.
        Builder truncates() {
            this.truncates = true;
            return this;
        }

        /// How far results and gradients may be from the formula, relative to the largest element
        /// of each tensor, or to 1 if that is less.
        Builder within(double tolerance, double gradientTolerance) {
            this.tolerance = tolerance;
            this.gradientTolerance = gradientTolerance;
            return this;
        }

        private static float[] draw(int count, DoubleSupplier numbers) {
            float[] drawn = new float[count];
            for (int i = 0; i < count; i++) {
                drawn[i] = (float) numbers.getAsDouble();
            }
            return drawn;
        }

        Trial build(Maker maker, Formula formula) {
            return build(maker, formula, formula);
        }

        /// @param learning the formula of a recorded run, where it is another one
        Trial build(Maker maker, Formula formula, Formula learning) {
            return new Trial(this, maker, formula, learning);
        }
    }

    private static final double STEP = 1e-5;

    /// Elements of a tensor that differences are taken of: at most so many, and fewer when a result
    /// is so large that they would take long.
    private static final int MOST = 25;

    private static final int WORK = 100_000;

    private final String name;
    private final int[] lengths;
    private final int rows;
    private final List<Input> inputs;
    private final List<Slot> slots;
    private final int parts;
    private final Maker maker;
    private final Formula formula;
    private final Formula learning;
    private final float[] c;
    private final float[][][] dStates;
    final boolean truncates;
    final double tolerance;
    final double gradientTolerance;

    private Trial(Builder builder, Maker maker, Formula formula, Formula learning) {
        name = builder.name;
        lengths = builder.lengths;
        rows = Arrays.stream(lengths).sum();
        inputs = List.copyOf(builder.inputs);
        slots = List.copyOf(builder.slots);
        parts = builder.parts;
        truncates = builder.truncates;
        tolerance = builder.tolerance;
        gradientTolerance = builder.gradientTolerance;
        this.maker = maker;
        this.formula = formula;
        this.learning = learning;
        c = Builder.draw(formula.of(point(), point()).length, builder.gaussian(1));
        dStates = states();
        for (float[][] segment : dStates) {
            for (int i = 0; i < segment.length; i++) {
                double scale = slots.get(i).learned() ? 1 : 0;
                segment[i] = Builder.draw(segment[i].length, builder.gaussian(scale));
            }
        }
    }

    /// Whether a recorded run gives other results than one that is not.
    boolean learnsOtherwise() {
        return learning != formula;
    }

    /// Whether the result is one matrix, as that of a block is.
    boolean isMatrix() {
        return parts == 1;
    }

    private float[][][] states() {
        float[][][] states = new float[lengths.length][slots.size()][];
        for (int s = 0; s < lengths.length; s++) {
            for (int i = 0; i < slots.size(); i++) {
                states[s][i] = slots.get(i).numbers()[s].clone();
            }
        }
        return states;
    }

    private Point point() {
        double[][] numbers = new double[inputs.size()][];
        Arrays.setAll(numbers, i -> widen(inputs.get(i).numbers()));
        double[][][] carried = new double[lengths.length][slots.size()][];
        for (int s = 0; s < lengths.length; s++) {
            for (int i = 0; i < slots.size(); i++) {
                carried[s][i] = widen(slots.get(i).numbers()[s]);
                if (slots.get(i).counts()) {
                    carried[s][i][0] += lengths[s];
                }
            }
        }
        return new Point(lengths, numbers, carried);
    }

    private static double[] widen(float[] numbers) {
        double[] wide = new double[numbers.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = numbers[i];
        }
        return wide;
    }

    /// What a run should give, by the formula; gradients by central differences of it. Of inputs
    /// with many elements only some have a gradient, the others NaN.
    Results expected(boolean recorded) {
        Formula used = recorded ? learning : formula;
        Point after = point();
        float[] y = narrow(used.of(after, point()));
        float[][][] states = states();
        for (int s = 0; s < states.length; s++) {
            for (int i = 0; i < states[s].length; i++) {
                states[s][i] = narrow(after.states()[s][i]);
            }
        }
        float[][] dInputs = new float[inputs.size()][];
        float[][][] dBefore = new float[lengths.length][slots.size()][];
        if (recorded) {
            for (int i = 0; i < dInputs.length; i++) {
                int input = i;
                dInputs[i] =
                        inputs.get(i).learned()
                                ? differences(point -> point.inputs()[input])
                                : new float[inputs.get(i).numbers().length];
            }
            for (int s = 0; s < lengths.length; s++) {
                for (int i = 0; i < slots.size(); i++) {
                    int segment = s;
                    int slot = i;
                    dBefore[s][i] =
                            slots.get(i).learned()
                                    ? differences(point -> point.states()[segment][slot])
                                    : new float[slots.get(i).numbers()[s].length];
                }
            }
        }
        return new Results(y, states, dInputs, dBefore);
    }

    /// The numbers of a point that are varied.
    private interface Place {
        double[] in(Point point);
    }

    private float[] differences(Place place) {
        Point base = point();
        Point varied = point();
        double[] numbers = place.in(varied);
        float[] result = new float[numbers.length];
        Arrays.fill(result, Float.NaN);
        int count = Math.min(result.length, Math.clamp(WORK / c.length, 4, MOST));
        Random random = new Random(result.length);
        for (int n = 0; n < count; n++) {
            // One of each of so many equal ranges.
            int i = (int) ((n + random.nextDouble()) * result.length / count);
            double number = numbers[i];
            double above = number + STEP;
            double below = number - STEP;
            numbers[i] = above;
            double up = loss(varied, base);
            numbers[i] = below;
            double down = loss(varied, base);
            numbers[i] = number;
            result[i] = finite((up - down) / (above - below));
        }
        return result;
    }

    private double loss(Point start, Point constants) {
        Point point = start.again();
        double[] y = learning.of(point, constants);
        double sum = 0;
        for (int i = 0; i < y.length; i++) {
            sum += c[i] * y[i];
        }
        for (int s = 0; s < lengths.length; s++) {
            for (int i = 0; i < slots.size(); i++) {
                double[] after = point.states()[s][i];
                for (int n = 0; slots.get(i).learned() && n < after.length; n++) {
                    sum += dStates[s][i][n] * after[n];
                }
            }
        }
        return sum;
    }

    private static float[] narrow(double[] numbers) {
        float[] narrow = new float[numbers.length];
        for (int i = 0; i < narrow.length; i++) {
            narrow[i] = finite(numbers[i]);
        }
        return narrow;
    }

    private static float finite(double number) {
        if (!Double.isFinite(number)) {
            throw new IllegalStateException("a formula gives " + number);
        }
        return (float) number;
    }

    /// All sequences in one batch, forwards alone.
    Results forward(Machine machine) {
        return run(machine, 0, lengths, states(), null);
    }

    /// All sequences in one batch, forwards and backwards.
    Results recorded(Machine machine) {
        return run(machine, 0, lengths, states(), new Recording(dStates));
    }

    /// The same, but in the backward step the operation runs once more.
    Results recomputed(Machine machine) {
        Recording recording = new Recording(true, false, 0, dStates);
        return run(machine, 0, lengths, states(), recording);
    }

    /// The same, but only activations have gradients.
    Results frozen(Machine machine) {
        Recording recording = new Recording(false, true, 0, dStates);
        return run(machine, 0, lengths, states(), recording);
    }

    /// The same, but all gradients begin as `standing`, both where an input's is when it is an
    /// activation and where it is when it is a parameter: the result is the sum of the two.
    Results added(Machine machine, float standing) {
        Recording recording = new Recording(false, false, standing, dStates);
        return run(machine, 0, lengths, states(), recording);
    }

    /// Every sequence alone, first `first` tokens of it and then `rest` at a time, forwards.
    Results forwardInPieces(Machine machine, int first, int rest) {
        float[][][] states = states();
        float[] y = new float[c.length];
        int start = 0;
        for (int s = 0; s < lengths.length; s++) {
            int[] ends = ends(lengths[s], first, rest);
            int from = 0;
            for (int to : ends) {
                Results piece = run(machine, start + from, to - from, states[s], null);
                states[s] = piece.states()[0];
                paste(piece.y(), y, parts, start + from, start + to);
                from = to;
            }
            start += lengths[s];
        }
        return new Results(y, states, new float[0][], new float[0][][]);
    }

    /// The same, and then backwards from the last piece of a sequence to its first, each handing
    /// the gradient to its state on to the one before.
    Results recordedInPieces(Machine machine, int first, int rest) {
        float[][][] after = states();
        float[][][] dBefore = new float[lengths.length][][];
        float[] y = new float[c.length];
        float[][] dInputs = new float[inputs.size()][];
        Arrays.setAll(dInputs, i -> new float[inputs.get(i).numbers().length]);
        int start = 0;
        for (int s = 0; s < lengths.length; s++) {
            int[] ends = ends(lengths[s], first, rest);
            float[][][] before = new float[ends.length][][];
            for (int i = 0; i < ends.length; i++) {
                int from = i == 0 ? 0 : ends[i - 1];
                before[i] = after[s];
                after[s] = run(machine, start + from, ends[i] - from, after[s], null).states()[0];
            }
            dBefore[s] = dStates[s];
            for (int i = ends.length - 1; i >= 0; i--) {
                int from = start + (i == 0 ? 0 : ends[i - 1]);
                int to = start + ends[i];
                Recording recording = new Recording(new float[][][] {dBefore[s]});
                Results piece = run(machine, from, to - from, before[i], recording);
                dBefore[s] = piece.dStates()[0];
                paste(piece.y(), y, parts, from, to);
                for (int n = 0; n < dInputs.length; n++) {
                    if (inputs.get(n).ofRows()) {
                        paste(piece.dInputs()[n], dInputs[n], 1, from, to);
                    } else {
                        add(piece.dInputs()[n], dInputs[n]);
                    }
                }
            }
            start += lengths[s];
        }
        return new Results(y, after, dInputs, dBefore);
    }

    private static int[] ends(int length, int first, int rest) {
        int more = Math.max(0, length - first);
        int[] ends = new int[1 + (more + rest - 1) / rest];
        Arrays.setAll(ends, i -> Math.min(length, first + i * rest));
        return ends;
    }

    /// Rows `from` to `to` of all rows of each part.
    private float[] cut(float[] all, int parts, int from, int to) {
        int columns = all.length / parts / rows;
        float[] piece = new float[parts * (to - from) * columns];
        for (int part = 0; part < parts; part++) {
            int source = (part * rows + from) * columns;
            int target = part * (to - from) * columns;
            System.arraycopy(all, source, piece, target, (to - from) * columns);
        }
        return piece;
    }

    private void paste(float[] piece, float[] all, int parts, int from, int to) {
        int columns = all.length / parts / rows;
        for (int part = 0; part < parts; part++) {
            int target = (part * rows + from) * columns;
            int source = part * (to - from) * columns;
            System.arraycopy(piece, source, all, target, (to - from) * columns);
        }
    }

    private static void add(float[] numbers, float[] sums) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += numbers[i];
        }
    }

    private Results run(
            Machine machine,
            int start,
            int length,
            float[][] states,
            @Nullable Recording recording) {
        int[] one = {length};
        return run(machine, start, one, new float[][][] {states}, recording);
    }

    /// The rows from `start` on, as sequences of `lengths` tokens.
    private Results run(
            Machine machine,
            int start,
            int[] lengths,
            float[][][] states,
            @Nullable Recording recording) {
        try (Arena arena = Arena.ofConfined()) {
            int end = start + Arrays.stream(lengths).sum();
            Tensor[] in = new Tensor[inputs.size()];
            for (int i = 0; i < in.length; i++) {
                Input input = inputs.get(i);
                float[] numbers =
                        input.ofRows() ? cut(input.numbers(), 1, start, end) : input.numbers();
                in[i] =
                        Tensor.of(
                                arena, numbers, numbers.length / input.columns(), input.columns());
            }
            Tensor[][] carried = tensors(arena, states);
            for (int s = 0; s < lengths.length; s++) {
                for (int i = 0; i < slots.size(); i++) {
                    if (slots.get(i).counts()) {
                        carried[s][i].set(0, carried[s][i].get(0) + lengths[s]);
                    }
                }
            }
            Segments segments = new TestSegments(lengths, carried);
            if (recording == null) {
                machine.eager().begin();
                float[] y = machine.eager().run(maker.make(in, segments)).toFloats();
                return new Results(y, floats(carried), new float[0][], new float[0][][]);
            }
            return record(arena, machine, in, segments, carried, start, end, recording);
        }
    }

    private Results record(
            Arena arena,
            Machine machine,
            Tensor[] in,
            Segments segments,
            Tensor[][] carried,
            int start,
            int end,
            Recording recording) {
        Tape tape = machine.tape();
        RecordingOps ops = new RecordingOps(machine.eager(), machine.threads(), tape);
        ops.recomputeBlocks(recording.recompute());
        ops.begin();
        Tensor[] watched = new Tensor[in.length];
        for (int i = 0; i < in.length; i++) {
            watched[i] = Tensor.allocate(arena, DType.F32, in[i].shape().sizes());
            watched[i].fill(recording.standing());
            if (inputs.get(i).learned() && !recording.frozen()) {
                tape.watch(in[i], watched[i]);
            }
        }
        Tensor[][] dAfter = tensors(arena, recording.dStates());
        Tensor[][] dBefore = tensors(arena, recording.dStates());
        for (int s = 0; s < carried.length; s++) {
            for (int i = 0; i < slots.size(); i++) {
                dBefore[s][i].fill(recording.standing());
                if (slots.get(i).learned() && !recording.frozen()) {
                    tape.watch(carried[s][i], dBefore[s][i]);
                }
            }
        }
        Tensor y =
                recording.recompute()
                        ? ops.block(
                                (again, _, _, batch) -> again.run(maker.make(in, batch)),
                                in[0],
                                in[0],
                                segments,
                                0,
                                slots.size())
                        : ops.run(maker.make(in, segments));
        float[] result = y.toFloats();
        float[][][] after = floats(carried);
        tape.gradient(y).set(cut(c, parts, start, end));
        for (int s = 0; s < carried.length; s++) {
            for (int i = 0; i < slots.size(); i++) {
                if (slots.get(i).learned()) {
                    tape.carry(carried[s][i], dAfter[s][i]);
                }
            }
        }
        for (Tensor input : in) {
            if (recording.standing() != 0) {
                tape.gradient(input).fill(recording.standing());
            }
        }
        tape.backward();
        float[][] dInputs = new float[in.length][];
        for (int i = 0; i < in.length; i++) {
            // An activation has its gradient on the tape, a parameter where it is watched.
            dInputs[i] = tape.gradient(in[i]).toFloats();
            add(watched[i].toFloats(), dInputs[i]);
        }
        return new Results(result, after, dInputs, floats(dBefore));
    }

    private static Tensor[][] tensors(Arena arena, float[][][] numbers) {
        Tensor[][] tensors = new Tensor[numbers.length][];
        for (int s = 0; s < numbers.length; s++) {
            tensors[s] = new Tensor[numbers[s].length];
            for (int i = 0; i < numbers[s].length; i++) {
                tensors[s][i] = Tensor.of(arena, numbers[s][i], numbers[s][i].length);
            }
        }
        return tensors;
    }

    private static float[][][] floats(Tensor[][] tensors) {
        float[][][] numbers = new float[tensors.length][][];
        for (int s = 0; s < tensors.length; s++) {
            numbers[s] = new float[tensors[s].length][];
            for (int i = 0; i < tensors[s].length; i++) {
                numbers[s][i] = tensors[s][i].toFloats();
            }
        }
        return numbers;
    }

    @Override
    public String toString() {
        return name;
    }
}
