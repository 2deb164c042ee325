package dev.anser.hub;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/// Speaks with a hub: what is in a repository, what a file is, and its bytes.
///
/// Redirects are followed here and not by the JDK, which would send the token along with them.
final class HubClient implements AutoCloseable {
    private static final int MOST_REDIRECTS = 5;
    private static final int LONGEST_LISTING = 1 << 26;

    private final HubSettings settings;
    private final HttpClient http =
            HttpClient.newBuilder()
                    .followRedirects(HttpClient.Redirect.NEVER)
                    .connectTimeout(Duration.ofSeconds(20))
                    .build();

    HubClient(HubSettings settings) {
        this.settings = settings;
    }

    /// What is in `repository` at `revision`.
    Listing listing(String repository, String revision) throws IOException {
        URI address =
                URI.create(
                        "%s/api/models/%s/revision/%s"
                                .formatted(settings.endpoint(), repository, encoded(revision)));
        try (InputStream body = get(address, repository + " at " + revision, 0).body()) {
            byte[] bytes = body.readNBytes(LONGEST_LISTING + 1);
            if (bytes.length > LONGEST_LISTING) {
                throw new HubException(
                        repository + ": its listing is longer than 64 MiB and is refused");
            }
            return Listing.read(repository, bytes);
        }
    }

    /// What the file `name` of `repository` at `commit` is.
    RemoteFile file(String repository, String commit, String name) throws IOException {
        StringBuilder path = new StringBuilder(repository).append("/resolve/").append(commit);
        for (String segment : name.split("/")) {
            path.append('/').append(encoded(segment));
        }
        URI address = URI.create(settings.endpoint() + "/" + path);
        String what = repository + ":" + name;
        HttpResponse<InputStream> response = send("HEAD", address, 0, true);
        URI last = address;
        for (int i = 0; i < MOST_REDIRECTS && isRedirect(response); i++) {
            URI next = target(last, response, what);
            // The facts stand in the hub's own answer, not in that of the store of big files.
            if (!isEndpoint(next) || header(response, "X-Linked-Etag").isPresent()) {
                break;
            }
            last = next;
            response = send("HEAD", last, 0, true);
        }
        if (!isRedirect(response)) {
            check(response, what);
        }
        String told = header(response, "X-Repo-Commit").orElse(commit);
        if (!told.equals(commit)) {
            throw new HubException(
                    "%s: the hub answered for commit %s, expected %s; pull again"
                            .formatted(what, SafePath.printable(told), commit));
        }
        return new RemoteFile(
                what, address, etag(response), size(response, isRedirect(response), what));
    }

    /// The bytes at `address` from `from` on; the status is 200, 206 or 416.
    HttpResponse<InputStream> get(URI address, String what, long from) throws IOException {
        URI next = address;
        boolean known = true;
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            known &= isEndpoint(next);
            HttpResponse<InputStream> response = send("GET", next, from, known);
            if (!isRedirect(response)) {
                if (response.statusCode() != 416) {
                    check(response, what);
                }
                return response;
            }
            response.body().close();
            next = target(next, response, what);
        }
        throw new HubException(what + ": the hub redirects in circles; check HF_ENDPOINT");
    }

    private HttpResponse<InputStream> send(String method, URI address, long from, boolean known)
            throws IOException {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(address)
                        .method(method, HttpRequest.BodyPublishers.noBody())
                        .timeout(settings.stall())
                        .header("User-Agent", "anser")
                        .header("Accept-Encoding", "identity");
        if (from > 0) {
            request.header("Range", "bytes=" + from + "-");
        }
        String token = settings.token();
        if (known && token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        try {
            return http.send(request.build(), BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HubException("the pull was interrupted; it can be resumed", e);
        } catch (IOException e) {
            String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
            throw new IOException(address.getAuthority() + " does not answer (" + reason + ")", e);
        }
    }

    private boolean isEndpoint(URI address) {
        return settings.endpoint().getScheme().equals(address.getScheme())
                && settings.endpoint().getAuthority().equalsIgnoreCase(address.getAuthority());
    }

    private static boolean isRedirect(HttpResponse<?> response) {
        return switch (response.statusCode()) {
            case 301, 302, 303, 307, 308 -> true;
            default -> false;
        };
    }

    private static URI target(URI from, HttpResponse<?> response, String what) {
        String location = header(response, "Location").orElse("");
        try {
            URI target = from.resolve(location);
            boolean web =
                    "https".equals(target.getScheme())
                            || ("http".equals(target.getScheme())
                                    && "http".equals(from.getScheme()));
            if (!location.isEmpty() && web && target.getHost() != null) {
                return target;
            }
        } catch (IllegalArgumentException e) {
            // Told below, with the other targets that are refused.
        }
        throw new HubException(
                "%s: the hub redirects to '%s', which is refused; expected an address as safe as %s"
                        .formatted(what, SafePath.printable(location), from.getAuthority()));
    }

    private static void check(HttpResponse<InputStream> response, String what) throws IOException {
        int status = response.statusCode();
        if (status == 200 || status == 206) {
            return;
        }
        response.body().close();
        if (status >= 500) {
            throw new IOException("the hub answered with status " + status);
        }
        throw new HubException(
                what
                        + switch (status) {
                            case 401 ->
                                    ": the hub asks who you are (401); check the name, and set HF_TOKEN when the repository is private";
                            case 403 ->
                                    ": the hub refuses access (403); accept the terms on its page, and set HF_TOKEN to a token that may read it";
                            case 404 ->
                                    ": the hub has no such repository, revision or file (404); check the name";
                            case 429 ->
                                    ": the hub had too many requests (429); wait "
                                            + header(response, "Retry-After")
                                                    .filter(text -> text.matches("\\d{1,6}"))
                                                    .map(seconds -> seconds + " seconds")
                                                    .orElse("some minutes")
                                            + " and pull again";
                            default ->
                                    ": the hub answered with status "
                                            + status
                                            + ", expected 200; check HF_ENDPOINT";
                        });
    }

    private static String etag(HttpResponse<?> response) {
        return header(response, "X-Linked-Etag")
                .or(() -> header(response, "ETag"))
                .orElse("")
                .replaceFirst("^W/", "")
                .replace("\"", "");
    }

    private static long size(HttpResponse<?> response, boolean redirected, String what) {
        Optional<String> size = header(response, "X-Linked-Size");
        if (size.isEmpty() && !redirected) {
            size = header(response, "Content-Length");
        }
        String text = size.orElse("-1");
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new HubException(
                    "%s: the hub tells '%s' for its length, expected a number; check HF_ENDPOINT"
                            .formatted(what, SafePath.printable(text)),
                    e);
        }
    }

    private static Optional<String> header(HttpResponse<?> response, String name) {
        return response.headers().firstValue(name);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
