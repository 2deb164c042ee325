/// Text to tokens and back, and the shapes of a conversation.
module dev.anser.text {
    requires transitive dev.anser.base;
    requires static transitive org.jspecify;

    exports dev.anser.text;
}
