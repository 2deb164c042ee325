package dev.anser.cli;

import dev.anser.checkpoint.Checkpoint;
import dev.anser.model.Architectures;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Threads;
import dev.anser.train.AdamW;
import dev.anser.train.Learner;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/// `anser step`: optimiser steps on given batches, to check the training arithmetic against other
/// code.
@Command(
        name = "step",
        description = "Takes optimiser steps on given batches and writes the weights.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {
            "",
            "Example:",
            "  anser step model.pth --tokens-file batches.npy --out new.safetensors --l2wrap"
        })
final class StepCommand implements Callable<Integer> {
    private final Console console;

    @Spec private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            converter = ModelPath.class,
            description = "A model file or folder of any format, or what was pulled.")
    private Path model;

    @Option(
            names = "--tokens-file",
            required = true,
            paramLabel = "T.npy",
            description = "Token ids [S, B, T + 1]: one step on each of S batches.")
    private Path tokens;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "W.safetensors",
            description =
                    "Where to write the weights, float32 under the model's own tensor names and"
                            + " shapes; the config.json of a Transformer or RetNet beside them.")
    private Path out;

    @Option(
            names = "--lr",
            paramLabel = "RATE",
            description = "Learning rate, above 0. Default: 1e-3.")
    private double learningRate = 1e-3;

    @Option(
            names = "--betas",
            paramLabel = "B1,B2",
            split = ",",
            description = "AdamW's betas, each from 0 to below 1. Default: 0.9,0.99.")
    private double[] betas = {0.9, 0.99};

    @Option(
            names = "--eps",
            paramLabel = "E",
            description =
                    "AdamW's epsilon, above 0. Default: 1e-18, as the official trainers have it.")
    private double epsilon = 1e-18;

    @Option(
            names = "--weight-decay",
            paramLabel = "D",
            description = "Decay of the large matrices, 0 or more. Default: 0.1.")
    private double weightDecay = 0.1;

    @Option(
            names = "--l2wrap",
            description = "Pull on each row's largest logit, as the official trainers do.")
    private boolean l2Wrap;

    @Mixin private ComputeOptions compute;

    StepCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        if (betas.length != 2) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--betas has " + betas.length + " numbers; expected two, as in 0.9,0.99");
        }
        if (Outputs.same(out, model)) {
            throw new ParameterException(
                    spec.commandLine(), "--out is the model's own file; give another name");
        }
        AdamW.Settings settings =
                new AdamW.Settings(learningRate, betas[0], betas[1], epsilon, weightDecay);
        Outputs.requireWritable(out);
        try (Threads threads = new Threads(compute.threads());
                Checkpoint checkpoint = Architectures.open(model);
                Learner learner = new Learner(checkpoint, Backends.chooseForTraining(), threads);
                AdamW optimiser = new AdamW(learner.parameters(), settings, threads)) {
            learner.requireRoom(out);
            int[][][] batches =
                    TrainingTokens.batches(tokens, learner.model().config().vocabulary());
            for (int step = 0; step < batches.length; step++) {
                console.interruption().check();
                learner.clearGradients();
                double loss = learner.addGradients(batches[step], l2Wrap);
                optimiser.step();
                console.err().println("step " + (step + 1) + ": loss " + loss);
            }
            learner.save(out);
        }
        return 0;
    }
}
