package dev.anser.cli;

import dev.anser.tensor.Backend;
import dev.anser.tensor.Backends;
import dev.anser.tensor.Threads;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `anser doctor`: what this machine computes with, and how fast it can be.
@Command(
        name = "doctor",
        description = "Tells what this machine computes with and how fast it reads memory.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        footer = {"", "Example:", "  anser doctor"})
final class DoctorCommand implements Callable<Integer> {
    private final Console console;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    DoctorCommand(Console console) {
        this.console = console;
    }

    private record Findings(
            Backend backend,
            Backend trainingBackend,
            List<String> notUsed,
            int threads,
            int processors,
            double oneThread,
            double allThreads) {}

    @Override
    public Integer call() {
        Findings findings = examine();
        if (json) {
            printJson(findings);
        } else {
            printTable(findings);
        }
        return 0;
    }

    private Findings examine() {
        Backend chosen = Backends.choose();
        Backend training = Backends.chooseForTraining();
        List<String> notUsed = new ArrayList<>();
        for (Backend backend : Backends.all()) {
            if (backend.rank() > chosen.rank()
                    || backend.trainingRank() > training.trainingRank()) {
                String reason =
                        backend.unavailable()
                                .orElse("ANSER_BACKEND asks for " + chosen.name() + "; unset it");
                notUsed.add(backend.name() + ": " + reason);
            }
        }
        int count = Threads.defaultCount();
        try (ReadBandwidth bandwidth = new ReadBandwidth();
                Threads one = new Threads(1);
                Threads all = new Threads(count)) {
            console.interruption().check();
            double oneThread = bandwidth.gigabytesPerSecond(one);
            console.interruption().check();
            double allThreads = count == 1 ? oneThread : bandwidth.gigabytesPerSecond(all);
            return new Findings(
                    chosen,
                    training,
                    notUsed,
                    count,
                    Runtime.getRuntime().availableProcessors(),
                    oneThread,
                    allThreads);
        }
    }

    private void printJson(Findings findings) {
        Json.print(
                console,
                out -> {
                    out.writeStringProperty("anser", Version.ofAnser());
                    out.writeStringProperty("java", Version.ofJava());
                    out.writeStringProperty("processor", Machine.processor().orElse("unknown"));
                    out.writeNumberProperty("processors", findings.processors());
                    Machine.memory()
                            .ifPresent(bytes -> out.writeNumberProperty("memoryBytes", bytes));
                    Machine.availableMemory()
                            .ifPresent(bytes ->
                                    out.writeNumberProperty("availableMemoryBytes", bytes));
                    out.writeStringProperty("backend", findings.backend().name());
                    out.writeStringProperty("backendDescription", findings.backend().description());
                    out.writeStringProperty("trainingBackend", findings.trainingBackend().name());
                    out.writeStringProperty(
                            "trainingBackendDescription", findings.trainingBackend().description());
                    out.writeArrayPropertyStart("notUsed");
                    findings.notUsed().forEach(out::writeString);
                    out.writeEndArray();
                    out.writeNumberProperty("threads", findings.threads());
                    out.writeNumberProperty(
                            "readBandwidthOneThreadGigabytesPerSecond", findings.oneThread());
                    out.writeNumberProperty(
                            "readBandwidthGigabytesPerSecond", findings.allThreads());
                    out.writeArrayPropertyStart("advice");
                    advice(findings).forEach(out::writeString);
                    out.writeEndArray();
                });
    }

    private void printTable(Findings findings) {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("Anser", Version.ofAnser());
        rows.put("Java", Version.ofJava());
        rows.put(
                "processor",
                Machine.processor().orElse(System.getProperty("os.arch"))
                        + ", "
                        + findings.processors()
                        + " cores");
        Optional<Long> memory = Machine.memory();
        if (memory.isPresent()) {
            rows.put(
                    "memory",
                    Units.bytes(memory.get())
                            + ", "
                            + Units.bytes(Machine.availableMemory().orElse(0L))
                            + " free");
        }
        rows.put(
                "backend",
                findings.backend().name() + " (" + findings.backend().description() + ")");
        Backend training = findings.trainingBackend();
        rows.put("to train", training.name() + " (" + training.description() + ")");
        for (String reason : findings.notUsed()) {
            rows.put(
                    "  not " + reason.substring(0, reason.indexOf(':')),
                    reason.substring(reason.indexOf(':') + 2));
        }
        rows.put("threads", Integer.toString(findings.threads()));
        rows.put(
                "memory read",
                Units.rate(findings.oneThread())
                        + " GB/s with one thread, "
                        + Units.rate(findings.allThreads())
                        + " GB/s with "
                        + findings.threads());
        rows.put(
                "so a token",
                "of a model with 1 GB of weights takes at least "
                        + Units.rate(1000 / Math.max(findings.oneThread(), findings.allThreads()))
                        + " ms");
        Table.print(console, rows);
        for (String advice : advice(findings)) {
            console.printLine(advice);
        }
    }

    private static List<String> advice(Findings findings) {
        List<String> advice = new ArrayList<>();
        if (!findings.notUsed().isEmpty()) {
            advice.add("A faster backend exists but is not in use; see above.");
        }
        if (findings.threads() < findings.processors()) {
            advice.add(
                    "ANSER_THREADS leaves "
                            + (findings.processors() - findings.threads())
                            + " of "
                            + findings.processors()
                            + " cores idle.");
        }
        if (findings.threads() > findings.processors()) {
            advice.add(
                    "ANSER_THREADS is more than the "
                            + findings.processors()
                            + " cores; that makes everything slower.");
        }
        Machine.load()
                .filter(load -> load > 0.5 * findings.processors() + 1)
                .ifPresent(load ->
                        advice.add(
                                "Other programs keep this machine busy (load "
                                        + load
                                        + "); measured speeds will vary."));
        if (advice.isEmpty()) {
            advice.add("All is well.");
        }
        return advice;
    }
}
