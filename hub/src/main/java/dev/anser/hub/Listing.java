package dev.anser.hub;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/// What a hub tells about a repository.
///
/// @param commit the commit that the revision stands for
/// @param files the names of all files
record Listing(String commit, List<String> files) {
    private static final JsonFactory JSON = new JsonFactory();

    /// Reads the hub's answer.
    ///
    /// @throws HubException when it is no listing, or a name in it is not safe
    static Listing read(String repository, byte[] content) {
        String commit = "";
        List<String> files = new ArrayList<>();
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), content)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw new HubException(repository + ": its listing is no JSON object");
            }
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = json.currentName();
                JsonToken value = json.nextToken();
                if (name.equals("sha") && value == JsonToken.VALUE_STRING) {
                    commit = json.getString();
                } else if (name.equals("siblings") && value == JsonToken.START_ARRAY) {
                    readFiles(repository, json, files);
                } else {
                    json.skipChildren();
                }
            }
        } catch (JacksonException e) {
            throw new HubException(
                    repository + ": its listing is not JSON (" + e.getOriginalMessage() + ")", e);
        }
        if (!SafePath.isCommit(commit)) {
            throw new HubException(
                    "%s: its listing tells commit '%s', expected 40 hexadecimal digits; check HF_ENDPOINT"
                            .formatted(repository, SafePath.printable(commit)));
        }
        return new Listing(commit, List.copyOf(files));
    }

    private static void readFiles(String repository, JsonParser json, List<String> files) {
        while (json.nextToken() == JsonToken.START_OBJECT) {
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                String name = json.currentName();
                if (json.nextToken() == JsonToken.VALUE_STRING && name.equals("rfilename")) {
                    files.add(SafePath.check(json.getString(), repository));
                } else {
                    json.skipChildren();
                }
            }
        }
    }
}
