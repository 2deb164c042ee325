/// Models from a hub into a cache that is shared with Hugging Face's tools.
module dev.anser.hub {
    requires transitive dev.anser.base;
    requires java.net.http;
    requires tools.jackson.core;
    requires static transitive org.jspecify;

    exports dev.anser.hub;
}
