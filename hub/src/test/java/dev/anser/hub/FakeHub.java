package dev.anser.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// A hub on this machine that speaks the protocol, and misbehaves when told to: a front that knows
/// the files, and a store on another port for the big ones (`.pth`, `.safetensors`).
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    final Map<String, byte[]> files = new LinkedHashMap<>();

    /// `METHOD PATH RANGE TOKEN` of every request, the store's with `store:` before.
    final List<String> requests = new CopyOnWriteArrayList<>();

    /// After how many bytes each of the next answers of the store is cut; then none.
    final List<Integer> cuts = new CopyOnWriteArrayList<>();

    /// How many of the next requests to the front fail with 503.
    final AtomicInteger outages = new AtomicInteger();

    volatile int status = 200;
    volatile boolean ranges = true;
    volatile boolean wrongContent;
    volatile @Nullable String location;

    private final HttpServer front = server();
    private final HttpServer store = server();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    FakeHub() {
        front.createContext("/", exchange -> answer(exchange, this::front));
        store.createContext("/", exchange -> answer(exchange, this::store));
        for (HttpServer server : List.of(front, store)) {
            server.setExecutor(threads);
            server.start();
        }
    }

    HubSettings settings(Path cache) {
        return new HubSettings(
                address(front),
                cache,
                "secret",
                false,
                Duration.ofMillis(1),
                Duration.ofSeconds(5));
    }

    URI endpoint() {
        return address(front);
    }

    List<String> requests(String start) {
        return requests.stream().filter(request -> request.startsWith(start)).toList();
    }

    static String checksum(String name, byte[] content) {
        try {
            MessageDigest digest = MessageDigest.getInstance(isBig(name) ? "SHA-256" : "SHA-1");
            if (!isBig(name)) {
                digest.update(("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(digest.digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean isBig(String name) {
        return name.endsWith(".pth") || name.endsWith(".safetensors");
    }

    private void front(HttpExchange exchange) throws IOException {
        note("", exchange);
        if (outages.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
            exchange.sendResponseHeaders(503, -1);
            return;
        }
        if (status != 200) {
            exchange.getResponseHeaders().set("Retry-After", "7");
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        String path = exchange.getRequestURI().getPath();
        if (path.equals("/api/models/org/repo/revision/main")) {
            byte[] listing = listing().getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, listing.length);
            exchange.getResponseBody().write(listing);
            return;
        }
        String prefix = "/org/repo/resolve/" + COMMIT + "/";
        String name = path.startsWith(prefix) ? path.substring(prefix.length()) : "";
        byte[] content = files.get(name);
        if (content == null) {
            exchange.sendResponseHeaders(404, -1);
            return;
        }
        exchange.getResponseHeaders().set("X-Repo-Commit", COMMIT);
        String checksum = '"' + checksum(name, content) + '"';
        if (isBig(name)) {
            exchange.getResponseHeaders().set("X-Linked-Etag", checksum);
            exchange.getResponseHeaders().set("X-Linked-Size", Integer.toString(content.length));
            String target = location;
            exchange.getResponseHeaders()
                    .set("Location", target != null ? target : address(store) + "/" + name);
            exchange.sendResponseHeaders(302, -1);
            return;
        }
        exchange.getResponseHeaders().set("ETag", "W/" + checksum);
        send(exchange, content);
    }

    private void store(HttpExchange exchange) throws IOException {
        note("store:", exchange);
        byte[] content = files.get(exchange.getRequestURI().getPath().substring(1));
        if (content == null) {
            exchange.sendResponseHeaders(404, -1);
            return;
        }
        send(exchange, content);
    }

    private void send(HttpExchange exchange, byte[] whole) throws IOException {
        byte[] content = whole.clone();
        if (wrongContent) {
            content[content.length - 1]++;
        }
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(content.length));
            exchange.sendResponseHeaders(200, -1);
            return;
        }
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = 0;
        if (range != null && ranges) {
            from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
            exchange.getResponseHeaders()
                    .set(
                            "Content-Range",
                            "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
        int to =
                cuts.isEmpty()
                        ? content.length
                        : Math.min(content.length, from + cuts.removeFirst());
        OutputStream body = exchange.getResponseBody();
        body.write(content, from, to - from);
        body.flush();
    }

    private String listing() {
        return files.keySet().stream()
                .map(name ->
                        "{\"rfilename\":\""
                                + name.replace("\\", "\\\\")
                                + "\",\"lfs\":{\"size\":1}}")
                .collect(
                        Collectors.joining(
                                ",",
                                "{\"id\":\"org/repo\",\"tags\":[\"a\",{\"sha\":\"no\"}],\"sha\":\""
                                        + COMMIT
                                        + "\",\"siblings\":[",
                                "]}"));
    }

    private void note(String where, HttpExchange exchange) {
        requests.add(
                "%s%s %s %s %s"
                        .formatted(
                                where,
                                exchange.getRequestMethod(),
                                exchange.getRequestURI(),
                                exchange.getRequestHeaders().getFirst("Range"),
                                exchange.getRequestHeaders().getFirst("Authorization")));
    }

    @FunctionalInterface
    private interface Answer {
        void to(HttpExchange exchange) throws IOException;
    }

    private static void answer(HttpExchange exchange, Answer answer) throws IOException {
        try (exchange) {
            answer.to(exchange);
        }
    }

    private static HttpServer server() {
        try {
            return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static URI address(HttpServer server) {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    @Override
    public void close() {
        front.stop(0);
        store.stop(0);
        threads.shutdownNow();
    }
}
