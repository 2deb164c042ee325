/// Text to tokens and back, and the shapes of a conversation.
// DJL's tokenizers have no module descriptor.
@SuppressWarnings("requires-automatic")
module dev.anser.text {
    requires ai.djl.tokenizers;
    requires transitive dev.anser.base;
    requires tools.jackson.core;
    requires static transitive org.jspecify;

    exports dev.anser.text;
}
