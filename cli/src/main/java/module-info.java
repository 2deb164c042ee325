/// The anser command.
module dev.anser.cli {
    requires dev.anser.generate;
    requires static org.jspecify;
}
