package dev.anser.hub;

import java.util.regex.Pattern;

/// Names from outside that become paths in the cache: none may lead out of it.
final class SafePath {
    /// What no system takes for a separator, a drive or a stream.
    private static final Pattern SEGMENT = Pattern.compile("[^/\\\\:\\p{Cntrl}]{1,255}");

    private static final Pattern REVISION = Pattern.compile("[\\w./-]{1,200}");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    private SafePath() {}

    /// Checks `path`, the name of a file in `repository`, and returns it.
    ///
    /// @throws HubException when it is absolute, holds `..` or what a system may misread
    static String check(String path, String repository) {
        if (!isSafe(path)) {
            throw new HubException(
                    "%s: the file name '%s' could lead out of the cache and is refused; expected a relative path without '..', ':' and '\\'"
                            .formatted(repository, printable(path)));
        }
        return path;
    }

    /// Checks the name of a branch, a tag or a commit and returns it.
    static String checkRevision(String revision) {
        if (!REVISION.matcher(revision).matches() || !isSafe(revision)) {
            throw new HubException(
                    "'%s' is not a revision; give a branch, a tag or a commit"
                            .formatted(printable(revision)));
        }
        return revision;
    }

    /// Whether `revision` is a whole commit.
    static boolean isCommit(String revision) {
        return COMMIT.matcher(revision).matches();
    }

    private static boolean isSafe(String path) {
        if (path.length() > 1000) {
            return false;
        }
        for (String segment : path.split("/", -1)) {
            // Windows drops dots and blanks at the end of a name.
            if (!SEGMENT.matcher(segment).matches()
                    || segment.endsWith(".")
                    || segment.endsWith(" ")) {
                return false;
            }
        }
        return true;
    }

    static String printable(String text) {
        String line = text.replaceAll("\\p{Cntrl}", "?");
        return line.length() <= 120 ? line : line.substring(0, 120) + "…";
    }
}
