package dev.anser.generate;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopMatcherTests {
    private static String accept(StopMatcher matcher, String text) {
        matcher.accept(text.getBytes(StandardCharsets.UTF_8));
        return free(matcher);
    }

    private static String free(StopMatcher matcher) {
        return new String(matcher.free(), 0, matcher.freeCount(), StandardCharsets.UTF_8);
    }

    @Test
    void onlyWhatMayBecomeAStopIsHeldBack() {
        StopMatcher matcher = new StopMatcher(List.of("\n\nUser:"));
        assertThat(accept(matcher, "Hello.\n")).isEqualTo("Hello.");
        assertThat(accept(matcher, "\n")).isEmpty();
        assertThat(accept(matcher, "\n")).isEqualTo("\n");
        assertThat(accept(matcher, "Us")).isEmpty();
        assertThat(accept(matcher, "ually")).isEqualTo("\n\nUsually");
        assertThat(accept(matcher, "!\n\nUse")).isEqualTo("!");
        assertThat(matcher.heldCount()).isEqualTo(5);
        assertThat(accept(matcher, "r: more")).isEmpty();
        assertThat(matcher.found()).isTrue();
        assertThat(matcher.heldCount()).isZero();
    }

    @Test
    void whatIsHeldBackIsFreeAtTheEnd() {
        StopMatcher matcher = new StopMatcher(List.of("stop"));
        assertThat(accept(matcher, "don't sto")).isEqualTo("don't ");
        matcher.finish();
        assertThat(free(matcher)).isEqualTo("sto");
        assertThat(matcher.found()).isFalse();
    }

    @Test
    void aShorterStopInsideALongerOneIsFound() {
        StopMatcher matcher = new StopMatcher(List.of("abcd", "bc"));
        assertThat(accept(matcher, "xa")).isEqualTo("x");
        assertThat(accept(matcher, "bce")).isEqualTo("a");
        assertThat(matcher.found()).isTrue();
    }

    @Test
    void ofStopsThatEndTogetherTheLongestIsFound() {
        StopMatcher matcher = new StopMatcher(List.of("c", "abc"));
        assertThat(accept(matcher, "xabc")).isEqualTo("x");
        assertThat(matcher.found()).isTrue();
    }

    @Test
    void withoutStopsEverythingIsFreeAtOnce() {
        StopMatcher matcher = new StopMatcher(List.of());
        assertThat(accept(matcher, "abc")).isEqualTo("abc");
        assertThat(matcher.heldCount()).isZero();
    }

    @Test
    void findsWhatASearchInTheWholeTextFindsHoweverItIsCut() {
        Random random = new Random(6);
        for (int round = 0; round < 20_000; round++) {
            List<String> stops =
                    random.ints(random.nextInt(4), 1, 6)
                            .mapToObj(length -> letters(random, length))
                            .toList();
            String text = letters(random, random.nextInt(30));
            StopMatcher matcher = new StopMatcher(stops);
            StringBuilder free = new StringBuilder();
            for (int at = 0; at < text.length() && !matcher.found(); ) {
                int end = Math.min(text.length(), at + 1 + random.nextInt(5));
                free.append(accept(matcher, text.substring(at, end)));
                at = end;
            }
            boolean found = matcher.found();
            matcher.finish();
            free.append(free(matcher));
            int expected = firstStop(text, stops);
            assertThat(found).isEqualTo(expected >= 0);
            assertThat(free.toString())
                    .as("%s in %s", stops, text)
                    .isEqualTo(expected < 0 ? text : text.substring(0, expected));
        }
    }

    /// Where the stop begins that ends first, the longest of those; -1 when there is none.
    private static int firstStop(String text, List<String> stops) {
        for (int end = 1; end <= text.length(); end++) {
            String head = text.substring(0, end);
            int longest =
                    stops.stream().filter(head::endsWith).mapToInt(String::length).max().orElse(-1);
            if (longest > 0) {
                return end - longest;
            }
        }
        return -1;
    }

    private static String letters(Random random, int length) {
        StringBuilder letters = new StringBuilder();
        for (int i = 0; i < length; i++) {
            letters.append("aab".charAt(random.nextInt(3)));
        }
        return letters.toString();
    }
}
