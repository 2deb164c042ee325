package dev.anser.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubTests {
    private static final ModelName REPOSITORY = ModelName.of("org/repo");
    private static final byte[] WEIGHTS = new byte[500_001];

    static {
        new Random(1).nextBytes(WEIGHTS);
    }

    @TempDir Path folder;

    private final FakeHub server = new FakeHub();

    @BeforeEach
    void fill() {
        server.files.put("README.md", bytes("read me"));
        server.files.put("model.pth", WEIGHTS);
        server.files.put("config.json", bytes("{}"));
        server.files.put("rwkv_vocab_v1.txt", bytes("0 'a' 1"));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private Hub hub() {
        return new Hub(server.settings(folder));
    }

    private Path pull() {
        return hub().pull(REPOSITORY, "main", PullListener.SILENT);
    }

    private Path blob() {
        return folder.resolve("models--org--repo/blobs/" + FakeHub.checksum("model.pth", WEIGHTS));
    }

    private Path part() {
        return Path.of(blob() + ".incomplete");
    }

    @Test
    void aPulledModelLiesWhereHuggingFaceLooksForIt() throws IOException {
        Path model = pull();
        Path home = folder.resolve("models--org--repo");
        Path snapshot = home.resolve("snapshots").resolve(FakeHub.COMMIT);
        assertThat(model).isEqualTo(snapshot.resolve("model.pth")).hasBinaryContent(WEIGHTS);
        assertThat(Files.readSymbolicLink(model))
                .isEqualTo(Path.of("../../blobs").resolve(blob().getFileName()));
        assertThat(home.resolve("refs/main")).hasContent(FakeHub.COMMIT);
        assertThat(snapshot.resolve("config.json")).hasContent("{}");
        assertThat(snapshot.resolve("rwkv_vocab_v1.txt")).exists();
        assertThat(snapshot.resolve("README.md")).doesNotExist();
        assertThat(part()).doesNotExist();
    }

    @Test
    void theTokenGoesToTheHubAndNowhereElse() {
        pull();
        assertThat(server.requests("GET")).isNotEmpty().allMatch(r -> r.endsWith("Bearer secret"));
        assertThat(server.requests("store:")).hasSize(1).allMatch(r -> r.endsWith(" null"));
    }

    @Test
    void whatIsThereIsNotPulledAgain() {
        pull();
        server.requests.clear();
        pull();
        assertThat(server.requests).noneMatch(request -> request.contains("GET /org"));
    }

    @Test
    void aCutConnectionGoesOnWhereItWasCut() {
        server.cuts.addAll(List.of(100_000, 150_000));
        assertThat(pull()).hasBinaryContent(WEIGHTS);
        assertThat(server.requests("store:"))
                .hasSize(3)
                .anyMatch(request -> request.contains("bytes="));
    }

    @Test
    void tooManyCutsLeaveAPartThatTheNextPullTakesUp() throws IOException {
        server.cuts.addAll(List.of(200_000, 0, 0, 0, 0));
        assertThatThrownBy(this::pull)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("org/repo:model.pth: failed 5 times")
                .hasMessageContaining("what has arrived is kept");
        long kept = Files.size(part());
        assertThat(kept).isBetween(1L, 200_000L);
        server.requests.clear();
        assertThat(pull()).hasBinaryContent(WEIGHTS);
        assertThat(server.requests("store:"))
                .singleElement()
                .asString()
                .contains("bytes=" + kept + "-");
    }

    @Test
    void aServerWithoutRangesBeginsAnew() throws IOException {
        server.ranges = false;
        Files.createDirectories(part().getParent());
        Files.write(part(), bytes("something else"));
        List<Long> steps = new ArrayList<>();
        Path model = hub().pull(REPOSITORY, "main", recording(steps));
        assertThat(model).hasBinaryContent(WEIGHTS);
        assertThat(steps).contains(-14L);
    }

    private static PullListener recording(List<Long> steps) {
        return new PullListener() {
            @Override
            public void file(String name, long bytes) {}

            @Override
            public void advance(long bytes) {
                steps.add(bytes);
            }

            @Override
            public void retry(String reason) {}
        };
    }

    @Test
    void aWrongBeginningIsFoundAndNotKept() throws IOException {
        Files.createDirectories(part().getParent());
        Files.write(part(), new byte[1000]);
        assertThatThrownBy(this::pull).hasMessageContaining("checksum");
        assertThat(part()).doesNotExist();
        assertThat(pull()).hasBinaryContent(WEIGHTS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.pth", "config.json"})
    void wrongContentIsRefusedAndNotKept(String file) {
        server.wrongContent = true;
        assertThatThrownBy(() ->
                        hub().pull(new ModelName("org/repo", file), "main", PullListener.SILENT))
                .isInstanceOf(HubException.class)
                .hasMessageContaining(file + ": arrived with checksum")
                .hasMessageContaining("it is not kept");
        assertThat(blob().getParent()).isEmptyDirectory();
        assertThat(folder.resolve("models--org--repo/snapshots")).doesNotExist();
    }

    @Test
    void aStoppedPullIsResumed() throws IOException {
        PullListener stopping =
                new PullListener() {
                    private long all;

                    @Override
                    public void file(String name, long bytes) {}

                    @Override
                    public void advance(long bytes) {
                        all += bytes;
                        if (all > 100_000) {
                            throw new IllegalStateException("stop");
                        }
                    }

                    @Override
                    public void retry(String reason) {}
                };
        assertThatThrownBy(() -> hub().pull(REPOSITORY, "main", stopping))
                .isInstanceOf(IllegalStateException.class);
        assertThat(Files.size(part())).isGreaterThan(0);
        assertThat(pull()).hasBinaryContent(WEIGHTS);
        assertThat(server.requests("store:").getLast()).contains("bytes=");
    }

    @Test
    void anOutageIsWaitedFor() {
        server.outages.set(3);
        assertThat(pull()).hasBinaryContent(WEIGHTS);
    }

    @Test
    void anOutageWithoutEndIsTold() {
        server.outages.set(100);
        assertThatThrownBy(this::pull)
                .hasMessageContaining("failed 5 times")
                .hasMessageContaining("503");
        assertThat(server.requests).hasSize(5);
    }

    @ParameterizedTest
    @CsvSource({
        "401,set HF_TOKEN",
        "403,accept the terms",
        "404,check the name",
        "429,wait 7 seconds",
        "418,answered with status 418"
    })
    void aRefusalIsOneLineAndNotTriedAgain(int status, String message) {
        server.status = status;
        assertThatThrownBy(this::pull)
                .isInstanceOf(HubException.class)
                .hasMessageStartingWith("org/repo at main: ")
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
        assertThat(server.requests).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../evil.pth",
                "/etc/evil",
                "a\\..\\b",
                "a/../../b",
                "C:evil",
                "a//b",
                "x/.."
            })
    void namesThatLeadOutAreRefused(String name) {
        server.files.put(name, bytes("x"));
        assertThatThrownBy(this::pull)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("is refused");
        assertThat(folder.resolve("models--org--repo")).doesNotExist();
        assertThatThrownBy(() -> new ModelName("org/repo", name)).isInstanceOf(HubException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "gopher:x"})
    void redirectsOutOfTheWebAreRefused(String location) {
        server.location = location;
        assertThatThrownBy(this::pull)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("which is refused");
    }

    @Test
    void aRedirectToItselfEnds() {
        server.location = server.endpoint() + "/org/repo/resolve/" + FakeHub.COMMIT + "/model.pth";
        assertThatThrownBy(this::pull).hasMessageContaining("in circles");
    }

    @Test
    void twoPullsAtOnceLoadOnce() throws InterruptedException, ExecutionException {
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            Future<Path> one = threads.submit(this::pull);
            Future<Path> two = threads.submit(this::pull);
            assertThat(one.get()).isEqualTo(two.get()).hasBinaryContent(WEIGHTS);
        }
        assertThat(server.requests("store:")).hasSize(1);
    }

    @Test
    void offlineAsksNobody() {
        HubSettings online = server.settings(folder);
        Hub offline =
                new Hub(
                        new HubSettings(
                                online.endpoint(),
                                folder,
                                null,
                                true,
                                Duration.ZERO,
                                Duration.ofSeconds(1)));
        assertThatThrownBy(() -> offline.pull(REPOSITORY, "main", PullListener.SILENT))
                .hasMessageContaining("HF_HUB_OFFLINE");
        Path model = pull();
        server.requests.clear();
        assertThat(offline.pull(REPOSITORY, "main", PullListener.SILENT)).isEqualTo(model);
        assertThat(server.requests).isEmpty();
    }

    @Test
    void severalWeightsAskForOne() {
        server.files.put("other.pth", bytes("x"));
        assertThatThrownBy(this::pull).hasMessageContaining("org/repo:FILE: model.pth, other.pth");
        assertThat(hub().pull(ModelName.of("org/repo:other.pth"), "main", PullListener.SILENT))
                .hasContent("x");
    }

    @Test
    void aModelInPartsIsAFolder() {
        server.files.remove("model.pth");
        server.files.put("model-00001-of-00002.safetensors", bytes("a"));
        server.files.put("model-00002-of-00002.safetensors", bytes("b"));
        server.files.put("model.safetensors.index.json", bytes("{}"));
        Path model = pull();
        assertThat(model).isDirectory();
        assertThat(model.resolve("model-00002-of-00002.safetensors")).hasContent("b");
        assertThat(model.resolve("model.safetensors.index.json")).exists();
        assertThat(hub().cache().find(REPOSITORY, "main")).contains(model);
    }

    @Test
    void theSettingsAreThoseOfHuggingFace() {
        HubSettings plain = HubSettings.of(Map.of());
        assertThat(plain.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
        assertThat(plain.cache()).endsWithRaw(Path.of(".cache/huggingface/hub"));
        HubSettings set =
                HubSettings.of(
                        Map.of(
                                "HF_ENDPOINT", "https://mirror.example/",
                                "HF_HOME", "/home",
                                "HF_TOKEN", "hf_x",
                                "HF_HUB_OFFLINE", "1"));
        assertThat(set.endpoint()).isEqualTo(URI.create("https://mirror.example"));
        assertThat(set.cache()).isEqualTo(Path.of("/home/hub"));
        assertThat(set.offline()).isTrue();
        assertThat(set.toString()).doesNotContain("hf_x");
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "nothing")))
                .hasMessageContaining("https://HOST");
    }

    @Test
    void theCacheTellsWhatItHolds() {
        pull();
        assertThat(hub().cache().list())
                .singleElement()
                .satisfies(repository -> {
                    assertThat(repository.name()).isEqualTo("org/repo");
                    assertThat(repository.files())
                            .extracting(CachedFile::name)
                            .containsExactly("config.json", "model.pth", "rwkv_vocab_v1.txt");
                    // The commit in refs/main is 40 bytes.
                    assertThat(repository.bytes()).isEqualTo(WEIGHTS.length + 2 + 7 + 40);
                });
    }

    @Test
    void aRemovedFileTakesItsContentAndNothingElse() {
        Path model = pull();
        HubCache cache = hub().cache();
        ModelName file = ModelName.of("org/repo:model.pth");
        HubCache.Removal removal = cache.removal(file);
        assertThat(removal.bytes()).isEqualTo(WEIGHTS.length);
        cache.remove(file, removal, PullListener.SILENT);
        assertThat(model).doesNotExist();
        assertThat(blob()).doesNotExist();
        assertThat(model.resolveSibling("config.json")).hasContent("{}");
        assertThatThrownBy(() -> cache.removal(file)).hasMessageContaining("was not pulled");
    }

    @Test
    void aRemovedRepositoryLeavesNothing() {
        pull();
        HubCache cache = hub().cache();
        cache.remove(REPOSITORY, cache.removal(REPOSITORY), PullListener.SILENT);
        assertThat(folder.resolve("models--org--repo")).doesNotExist();
        assertThat(cache.list()).isEmpty();
        assertThat(cache.find(REPOSITORY, "main")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"org", "org/", "a/b/c", "../b", "o--g/repo", "org/re..po", "", "org/-x"})
    void whatIsNoRepositoryIsRefused(String name) {
        assertThatThrownBy(() -> ModelName.of(name))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("ORG/REPO");
    }

    @Test
    void shortNamesStandForFiles() {
        assertThat(ModelName.of("g1-0.1b").repository()).isEqualTo("BlinkDL/rwkv7-g1");
        assertThat(ModelName.of("g1-0.1b").file()).endsWith(".pth");
    }
}
