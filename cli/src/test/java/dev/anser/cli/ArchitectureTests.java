package dev.anser.cli;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.Map.entry;
import static java.util.stream.Collectors.toUnmodifiableSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.lang.ArchRule;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Requires;
import java.lang.module.ModuleReference;
import java.lang.module.ResolvedModule;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The arrows of `ARCHITECTURE.md`, held.
class ArchitectureTests {
    /// What each room may use; a room that is not named here fails.
    private static final Map<String, Set<String>> ARROWS =
            Map.ofEntries(
                    entry("base", Set.of()),
                    entry("tensor", Set.of("base")),
                    entry("onednn", Set.of("base", "tensor")),
                    entry("checkpoint", Set.of("base", "tensor")),
                    entry("model", Set.of("base", "tensor", "checkpoint")),
                    entry("text", Set.of("base")),
                    entry("hub", Set.of("base")),
                    entry("generate", Set.of("base", "tensor", "checkpoint", "model", "text")),
                    entry("data", Set.of("base", "text")),
                    entry("train", Set.of("base", "tensor", "checkpoint", "model", "text", "data")),
                    entry(
                            "evaluate",
                            Set.of("base", "tensor", "checkpoint", "model", "text", "data")),
                    entry(
                            "cli",
                            Set.of(
                                    "base",
                                    "tensor",
                                    "checkpoint",
                                    "model",
                                    "text",
                                    "hub",
                                    "generate",
                                    "data",
                                    "evaluate",
                                    "train")));

    /// The rooms that need the JDK alone.
    private static final Set<String> ON_THE_JDK_ALONE =
            Set.of("base", "tensor", "checkpoint", "model");

    private static final JavaClasses CLASSES = importRooms();

    static Stream<String> rooms() {
        return ARROWS.keySet().stream().sorted();
    }

    @Test
    void everyRoomIsDrawn() {
        assertThat(
                        roomModules()
                                .map(module -> module.descriptor().name())
                                .map(name -> name.substring("dev.anser.".length())))
                .containsExactlyInAnyOrderElementsOf(ARROWS.keySet());
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void everyRoomHasClasses(String room) {
        assertThat(CLASSES.that(resideInAPackage(packages(room)))).isNotEmpty();
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void arrowsPointDown(String room) {
        usesOnly(room, ARROWS.getOrDefault(room, Set.of())).check(CLASSES);
    }

    @ParameterizedTest
    @MethodSource("rooms")
    void descriptorsRequireWhatTheArrowsAllow(String room) {
        Set<String> required =
                descriptor(room).requires().stream()
                        .map(Requires::name)
                        .filter(name -> name.startsWith("dev.anser."))
                        .map(name -> name.substring("dev.anser.".length()))
                        .collect(toUnmodifiableSet());
        assertThat(ARROWS.get(room)).containsAll(required);
    }

    @Test
    void lowerRoomsNeedNoThirdPartyAtRunTime() {
        for (String room : ON_THE_JDK_ALONE) {
            assertThat(descriptor(room).requires())
                    .filteredOn(
                            required -> !required.modifiers().contains(Requires.Modifier.STATIC))
                    .extracting(Requires::name)
                    .as(room)
                    .allMatch(name -> name.matches("(java|jdk|dev\\.anser)\\..*"));
            classes()
                    .that(resideInAPackage(packages(room)))
                    .should()
                    .onlyDependOnClassesThat(
                            resideInAnyPackage("java..", "jdk..", "dev.anser..", "org.jspecify.."))
                    .check(CLASSES);
        }
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("dev.anser.(**)").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void onlyMainEndsTheProcess() {
        onlyEndsTheProcess(Main.class.getName()).check(CLASSES);
    }

    @Test
    void theRulesSeeWhatTheyForbid() {
        assertThatThrownBy(() -> usesOnly("checkpoint", Set.of("base")).check(CLASSES))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("dev.anser.tensor.Tensor");
        assertThatThrownBy(() -> onlyEndsTheProcess("nobody").check(CLASSES))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("System.exit");
    }

    private static ArchRule usesOnly(String room, Set<String> allowed) {
        String[] forbidden =
                rooms().filter(other -> !other.equals(room) && !allowed.contains(other))
                        .map(ArchitectureTests::packages)
                        .toArray(String[]::new);
        return noClasses()
                .that(resideInAPackage(packages(room)))
                .should()
                .dependOnClassesThat(resideInAnyPackage(forbidden))
                .allowEmptyShould(forbidden.length == 0)
                .as(room + " uses only " + allowed);
    }

    private static ArchRule onlyEndsTheProcess(String name) {
        return noClasses()
                .that()
                .doNotHaveFullyQualifiedName(name)
                .should()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "halt", int.class);
    }

    private static String packages(String room) {
        return "dev.anser." + room + "..";
    }

    private static ModuleDescriptor descriptor(String room) {
        return roomModules()
                .map(ModuleReference::descriptor)
                .filter(descriptor -> descriptor.name().equals("dev.anser." + room))
                .findFirst()
                .orElseThrow();
    }

    private static Stream<ModuleReference> roomModules() {
        return ModuleLayer.boot().configuration().modules().stream()
                .map(ResolvedModule::reference)
                .filter(module -> module.descriptor().name().startsWith("dev.anser."));
    }

    private static JavaClasses importRooms() {
        List<Location> locations =
                roomModules()
                        .flatMap(module -> module.location().stream())
                        .map(ArchitectureTests::location)
                        .toList();
        return new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests())
                .importLocations(locations);
    }

    private static Location location(URI uri) {
        return Location.of(uri.getPath().endsWith(".jar") ? URI.create("jar:" + uri + "!/") : uri);
    }
}
