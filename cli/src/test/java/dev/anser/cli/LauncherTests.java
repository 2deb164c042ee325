package dev.anser.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The script `./anser`, with a JDK and a Maven that only say how they were called.
class LauncherTests {
    private record Outcome(int exit, String out, String err) {}

    @TempDir Path folder;

    private Path root;
    private Path jdk;
    private Path tools;

    @BeforeEach
    void makeACheckout() throws IOException {
        Path launcher = Path.of("..", "anser");
        assumeTrue(Files.exists(launcher) && Files.isExecutable(Path.of("/bin/sh")));
        root = Files.createDirectories(folder.resolve("a check out"));
        Files.copy(launcher, root.resolve("anser"));
        executable(root.resolve("anser"));
        jdk = jdk("a jdk", "25.0.3");
        tools = Files.createDirectories(folder.resolve("tools"));
        // A build makes the jar that it is there for, and takes a while.
        script(
                tools.resolve("mvn"),
                """
                echo call >>"$CALLS"
                sleep 1
                mkdir -p cli/target/anser/lib
                : >cli/target/anser/lib/anser-cli-1.jar
                """);
    }

    @Test
    void runsTheCommandWithItsArgumentsAsTheyAre() throws Exception {
        jars();
        Outcome outcome = run("./anser", "generate", "-p", "it's \"a\" $HOME * x", "");
        assertThat(outcome.err()).isEmpty();
        assertThat(outcome.exit()).isEqualTo(7);
        assertThat(outcome.out().lines())
                .contains("[--module]", "[dev.anser.cli/dev.anser.cli.Main]")
                .endsWith("[generate]", "[-p]", "[it's \"a\" $HOME * x]", "[]");
    }

    @Test
    void printsACommandThatAShellReadsBack() throws Exception {
        jars();
        Outcome printed = run("./anser", "--print-command", "-p", "it's \"a\" $HOME * x", "");
        assertThat(printed.exit()).isZero();
        assertThat(printed.out().lines()).hasSize(1);
        assertThat(run("sh", "-c", printed.out()))
                .isEqualTo(run("./anser", "-p", "it's \"a\" $HOME * x", ""));
    }

    @Test
    void passesMoreJvmOptions() throws Exception {
        jars();
        var environment = Map.of("ANSER_JAVA_OPTIONS", " -Xmx1g  -Da=* ");
        assertThat(run(root, environment, "./anser").out().lines())
                .containsSubsequence("[-Xmx1g]", "[-Da=*]", "[--module]");
    }

    @Test
    void isFoundThroughLinksFromAnywhere() throws Exception {
        jars();
        Path bin = Files.createDirectories(folder.resolve("bin"));
        Files.createSymbolicLink(bin.resolve("first"), root.resolve("anser"));
        Files.createSymbolicLink(bin.resolve("second"), Path.of("first"));
        Outcome outcome = run(Path.of("/"), Map.of(), bin.resolve("second").toString(), "x");
        assertThat(outcome.out())
                .contains("[" + root.toRealPath().resolve("cli/target/anser/lib") + "]");
    }

    @Test
    void makesItsArchiveOnceAndUsesIt() throws Exception {
        jars();
        Path archive = root.toRealPath().resolve("cli/target/anser/aot/25.0.3.aot");
        assertThat(run("./anser").out()).startsWith("[-XX:AOTCache=" + archive + "]");
        FileTime made = Files.getLastModifiedTime(archive);
        assertThat(run("./anser").out()).startsWith("[-XX:AOTCache=" + archive + "]");
        assertThat(Files.getLastModifiedTime(archive)).isEqualTo(made);
    }

    @ParameterizedTest
    @ValueSource(strings = {"25.0.3", "25.0.4.1", "25.0.10", "25.1", "25.1.0", "25.10.2"})
    void takesAJdkFrom2503(String version) throws Exception {
        jars();
        jdk = jdk("other", version);
        assertThat(run("./anser").exit()).isEqualTo(7);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"17.0.15", "1.8.0_402", "24.0.2", "25", "25-ea", "25.0.2", "26", "26.0.3"})
    void refusesAJdkThatDoesNotFitByItsVersion(String version) throws Exception {
        jars();
        jdk = jdk("other", version);
        Outcome outcome = run("./anser");
        assertThat(outcome.exit()).isEqualTo(69);
        assertThat(outcome.out()).isEmpty();
        assertThat(outcome.err())
                .isEqualTo(
                        "anser: ANSER_JAVA_HOME=%s is Java %s; Anser needs 25.0.3 or a newer 25: point it at one, or unset it\n"
                                .formatted(jdk, version));
    }

    @Test
    void refusesAFolderThatIsNoJdk() throws Exception {
        jars();
        jdk = folder;
        Outcome outcome = run("./anser");
        assertThat(outcome.exit()).isEqualTo(69);
        assertThat(outcome.err().lines()).hasSize(1);
        assertThat(outcome.err()).contains("ANSER_JAVA_HOME=" + folder + " is not a JDK");
    }

    @Test
    void buildsWhenThereAreNoJarsAndOnlyThen() throws Exception {
        sources();
        assertThat(run("./anser").err()).isEqualTo("building Anser (once, about a minute)…\n");
        assertThat(run("./anser").err()).isEmpty();
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void buildsAgainWhenASourceIsNewerOrGone() throws Exception {
        Path source = sources();
        run("./anser");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(60)));
        run("./anser");
        assertThat(builds()).isEqualTo(2);
        Files.delete(source);
        run("./anser");
        assertThat(builds()).isEqualTo(3);
        run("./anser");
        assertThat(builds()).isEqualTo(3);
    }

    @Test
    void buildsOnceForTwoStartsAtTheSameTime() throws Exception {
        sources();
        Process first = start(root, Map.of(), "./anser", "first");
        Process second = start(root, Map.of(), "./anser", "second");
        assertThat(first.waitFor()).isEqualTo(7);
        assertThat(second.waitFor()).isEqualTo(7);
        assertThat(builds()).isEqualTo(1);
        assertThat(root.resolve("cli/target/launcher.lock")).doesNotExist();
    }

    @Test
    void goesOnAfterABuildThatWasKilled() throws Exception {
        sources();
        Process ended = new ProcessBuilder("true").start();
        ended.waitFor();
        Path lock = Files.createDirectories(root.resolve("cli/target/launcher.lock"));
        Files.writeString(lock.resolve("owner"), ended.pid() + "\n");
        assertThat(run("./anser").exit()).isEqualTo(7);
        assertThat(builds()).isEqualTo(1);
    }

    @Test
    void showsTheErrorsOfABuildThatFails() throws Exception {
        sources();
        script(
                tools.resolve("mvn"),
                """
                echo '[INFO] Scanning'
                echo '[ERROR] Thing.java:[3,1] class expected'
                exit 1
                """);
        Outcome outcome = run("./anser");
        assertThat(outcome.exit()).isEqualTo(1);
        assertThat(outcome.out()).isEmpty();
        assertThat(outcome.err())
                .contains("[ERROR] Thing.java:[3,1] class expected\n", "to repeat it: cd ")
                .doesNotContain("Scanning");
        assertThat(root.resolve("cli/target/launcher.lock")).doesNotExist();
    }

    /// A source, so that there is something to build.
    private Path sources() throws IOException {
        Files.writeString(root.resolve("pom.xml"), "");
        Files.createDirectories(root.resolve("cli"));
        Path source = root.resolve("base/src/main/java/Thing.java");
        Files.createDirectories(source.getParent());
        return Files.writeString(source, "");
    }

    /// What a build leaves, and no sources.
    private void jars() throws IOException {
        Path lib = Files.createDirectories(root.resolve("cli/target/anser/lib"));
        Files.writeString(lib.resolve("anser-cli-1.jar"), "");
    }

    private int builds() throws IOException {
        return Files.readAllLines(folder.resolve("calls")).size();
    }

    /// A JDK whose `java` prints its arguments, makes an archive when it is asked to, and exits
    /// with 7.
    private Path jdk(String name, String version) throws IOException {
        Path home = folder.resolve(name);
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(
                home.resolve("release"),
                "IMPLEMENTOR=\"Somebody\"\nJAVA_VERSION=\"%s\"\nOS_NAME=\"Linux\"\n"
                        .formatted(version));
        script(
                home.resolve("bin/java"),
                """
                case $1 in -XX:AOTCacheOutput=*) echo archive >"${1#*=}" ;; esac
                printf '[%s]\\n' "$@"
                exit 7
                """);
        return home;
    }

    private Outcome run(String... command) throws IOException, InterruptedException {
        return run(root, Map.of(), command);
    }

    private Outcome run(Path directory, Map<String, String> environment, String... command)
            throws IOException, InterruptedException {
        Process process = start(directory, environment, command);
        String out = new String(process.getInputStream().readAllBytes(), UTF_8);
        String err = new String(process.getErrorStream().readAllBytes(), UTF_8);
        return new Outcome(process.waitFor(), out, err);
    }

    private Process start(Path directory, Map<String, String> environment, String... command)
            throws IOException {
        List<String> words = new ArrayList<>(Arrays.asList(command));
        if (words.getFirst().equals("./anser")) {
            words.set(0, root.resolve("anser").toString());
        }
        ProcessBuilder builder = new ProcessBuilder(words).directory(directory.toFile());
        builder.environment().remove("ANSER_JAVA_OPTIONS");
        builder.environment().put("ANSER_JAVA_HOME", jdk.toString());
        builder.environment().put("CALLS", folder.resolve("calls").toString());
        builder.environment().put("PATH", tools + ":" + System.getenv("PATH"));
        builder.environment().putAll(environment);
        return builder.start();
    }

    private static void script(Path file, String body) throws IOException {
        Files.writeString(file, "#!/bin/sh\n" + body);
        executable(file);
    }

    private static void executable(Path file) throws IOException {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
