/// The anser command.
module dev.anser.cli {
    requires dev.anser.evaluate;
    requires dev.anser.generate;
    requires dev.anser.hub;
    requires dev.anser.train;
    requires info.picocli;
    // Through it JLine hears Ctrl-C.
    requires jdk.unsupported;
    requires me.tongfei.progressbar;
    requires org.jline.reader;
    requires org.jline.terminal;
    requires tools.jackson.core;
    requires static org.jspecify;

    opens dev.anser.cli to
            info.picocli;
}
