package dev.anser.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.anser.model.NewModel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainConfigTests {
    private static final String SMALL =
            """
            model:
              preset: 4l128
            data:
              train: input.txt
              holdOut: 0.1
              context: 64
            batch:
              sequences: 12
            steps: 2000
            """;

    @TempDir private Path folder;

    private TrainConfig read(String yaml, String... overrides) throws Exception {
        Path file = Files.writeString(folder.resolve("small.yaml"), yaml);
        return TrainConfig.read(file, List.of(overrides));
    }

    @Test
    void whatIsNotGivenHasTheOfficialValue() throws Exception {
        TrainConfig config = read(SMALL);
        assertThat(config.optimiser()).isEqualTo(OptimiserSettings.OFFICIAL);
        assertThat(config.learningRate())
                .isEqualTo(new LearningRate(1e-3, 1e-4, 10, LearningRate.Schedule.COSINE));
        assertThat(config.run().name()).isEqualTo("small");
        assertThat(config.run().folder()).isEqualTo(Path.of("runs/small"));
        assertThat(config.batch().accumulate()).isEqualTo(1);
    }

    @Test
    void pathsBeginAtTheFileAndThoseOfOverridesAtTheWorkingDirectory() throws Exception {
        assertThat(read(SMALL).data().train()).isEqualTo(folder.resolve("input.txt"));
        assertThat(read(SMALL, "data.train=other.txt").data().train())
                .isEqualTo(Path.of("other.txt"));
    }

    @Test
    void overridesReplaceValuesAndLists() throws Exception {
        TrainConfig config =
                read(SMALL, "steps=7", "optimiser.betas=[0.8, 0.95]", "optimiser.l2Wrap=false");
        assertThat(config.steps()).isEqualTo(7);
        assertThat(config.optimiser().settings().beta1()).isEqualTo(0.8);
        assertThat(config.optimiser().settings().beta2()).isEqualTo(0.95);
        assertThat(config.optimiser().l2Wrap()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "rwkv7,4l128,4,128",
        "rwkv4,tiny,2,64",
        "llama,6l256,6,256",
        "rwkv6,rwkv6-1.6b,24,2048",
    })
    void aPresetIsOfTheFamilyThatIsSaid(String family, String preset, int layers, int width)
            throws Exception {
        NewModel model =
                read(SMALL, "model.architecture=" + family, "model.preset=" + preset)
                        .model()
                        .sizes()
                        .orElseThrow();
        assertThat(model.architecture()).isEqualTo(family);
        assertThat(model.layers()).isEqualTo(layers);
        assertThat(model.width()).isEqualTo(width);
    }

    @Test
    void theSizesOfANewModelAreSaidInFull() throws Exception {
        String yaml =
                SMALL.replace(
                        "preset: 4l128",
                        "{architecture: llama, layers: 2, width: 128, keyHeads: 1}");
        assertThat(read(yaml).described())
                .containsEntry("model.architecture", "llama")
                .containsEntry("model.headSize", "64")
                .containsEntry("model.keyHeads", "1")
                .containsEntry("model.feedForward", "352")
                .doesNotContainKeys("model.vocabulary", "model.embeddingBound", "model.gateRank");
    }

    @Test
    void tokensAreRoundedUpToSteps() throws Exception {
        TrainConfig config = read(SMALL.replace("steps: 2000", "tokens: 769"));
        assertThat(config.steps()).isEqualTo(2);
    }

    @Test
    void whatWasUnderstoodReadsBackTheSame() throws Exception {
        TrainConfig config = read(SMALL, "sample.prompt=\"a \\\" b\\n# c\"", "sample.every=5");
        assertThat(config.sample().prompt()).isEqualTo("a \" b\n# c");
        TrainConfig again = read(TrainerBuilder.yaml(config.described()));
        assertThat(again.described()).isEqualTo(config.described());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "optimiser.learnRate=1;--set optimiser.learnRate: there is no setting"
                        + " optimiser.learnRate; did you mean optimiser.learningRate?",
                "stesp=1;there is no setting stesp; did you mean steps?",
                "learningRate=1;did you mean optimiser.learningRate?",
                "steps=ten;--set steps: steps is 'ten'; expected a whole number",
                "steps=0;steps is '0'; expected a whole number from 1",
                "steps=1.5;steps is '1.5'; expected a whole number",
                "steps=[1, 2];steps is a list; expected one value",
                "tokens=100;steps cannot be given together with tokens",
                "optimiser.clip=-1;optimiser.clip is '-1'; expected a number above 0.0",
                "optimiser.clip=NaN;optimiser.clip is 'NaN'; expected a number above 0.0",
                "optimiser.betas=0.9;optimiser.betas is '0.9'; expected two numbers",
                "optimiser.betas=[0.9, 1];expected two numbers from 0 up to, not including, 1",
                "optimiser.l2Wrap=yes;optimiser.l2Wrap is 'yes'; expected true or false",
                "optimiser.schedule=cosin;expected one of cosine, linear, constant; did you mean"
                        + " cosine?",
                "precision=f64;precision is 'f64'; expected one of f32, bf16",
                "model.preset=7b;model.preset is '7b'; expected one of tiny, 4l128",
                "model.layers=3;model.layers cannot be given together with model.preset",
                "model.from=x.pth;cannot be given together with model.from",
                "model.architecture=gpt2;model.architecture is 'gpt2'; expected one of gptneox,"
                        + " llama, retnet, rwkv4, rwkv5, rwkv6, rwkv7",
                "model.keyHeads=2;model.keyHeads cannot be given together with model.preset",
                "model.keyHead=2;did you mean model.keyHeads?",
                "data.holdOut=1;data.holdOut is 1 or more",
                "data.validation=v.txt;data.holdOut cannot be given together with data.validation",
                "data.order=packed;data.order is packed, which needs data in .bin and .idx",
                "data.mask=pad;data.mask is for conversations",
                "data.format=sft;data.holdOut is not for conversations",
                "batch.carry=exact;batch.carry needs chunks",
                "adapter.kind=lora;adapter.kind needs a trained model; give model.from",
                "adapter.rank=4;adapter.rank belongs to LoRA",
                "batch=3;batch has no settings under it; expected some, as in batch.sequences",
                "spikeFactor=1;spikeFactor is '1'; expected a number above 1.0",
            })
    void aWrongSettingIsNamed(String override, String message) {
        assertThatThrownBy(() -> read(SMALL, override))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    /// Lines are separated by `|`.
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "steps: 1;model is not said",
                "model: {preset: tiny};data.train is missing; add it, or give --set data.train",
                "model: {layers: 3, width: 64}|steps: 1|data: {train: x};batch.sequences is missing",
                "model: {layers: 3, width: 100};model.width is 100; expected a multiple of"
                        + " headSize, 64",
                "model: {layers: 3, width: 64, keyHeads: 2};line 1: model.keyHeads is no size of"
                        + " rwkv7 models; expected layers, width, vocabulary, headSize",
                "model: {architecture: llama, layers: 3, width: 64, gateRank: 2};model.gateRank is"
                        + " no size of llama models; expected layers, width, vocabulary, headSize,"
                        + " keyHeads, feedForward",
                "model: {architecture: llama, preset: 0.1b};model.preset is '0.1b'; expected one of"
                        + " tiny, 4l128, 6l256, 6l384, 8l512",
                "model: {architecture: llama, preset: tiny, embeddingBound: 1};model.embeddingBound"
                        + " is for RWKV",
                "model: {architecture: llama, from: x.pth};model.architecture cannot be given"
                        + " together with model.from",
                "model: {layers: 3};model.width is missing",
                "batch: {sequences: 1}|evaluate: {every: 5};model is not said",
                "steps: 1|steps: 2;line 2",
                "- 1|- 2;expected settings, each as 'name: value'",
                "steps: [1|;is no YAML",
                "steps: {a: [[1]]};steps.a is a list of lists",
                "*a;is no YAML",
            })
    void aWrongFileIsRefusedInOneLine(String yaml, String message) {
        assertThatThrownBy(() -> read(String.join("\n", Arrays.asList(yaml.split("\\|")))))
                .isInstanceOf(TrainingException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    @Test
    void aMistakeInTheFileIsNamedWithItsLine() {
        assertThatThrownBy(() -> read(SMALL + "  \nsed: 3\n"))
                .hasMessageContaining(
                        "small.yaml: line 11: there is no setting sed; did you mean seed?");
        assertThatThrownBy(() -> read(SMALL.replace("sequences: 12", "sequences: many")))
                .hasMessageContaining("small.yaml: line 8: batch.sequences is 'many'");
    }

    @Test
    void evaluationNeedsHeldOutData() {
        assertThatThrownBy(() -> read(SMALL.replace("  holdOut: 0.1\n", ""), "evaluate.every=5"))
                .hasMessageContaining("evaluate.every needs held-out data");
    }

    @Test
    void aRunGoesOnOnlyWithTheSettingsThatDecideWhatItLearned() throws Exception {
        TrainConfig before = read(SMALL);
        read(SMALL, "steps=3000", "optimiser.clip=2").requireContinues(before.described());
        TrainConfig wider = read(SMALL, "model.preset=6l256");
        assertThatThrownBy(() -> wider.requireContinues(before.described()))
                .hasMessageContaining("model.preset is 6l256, the run to resume has 4l128");
    }
}
