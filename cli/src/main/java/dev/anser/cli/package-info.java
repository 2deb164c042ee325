@NullMarked
package dev.anser.cli;

import org.jspecify.annotations.NullMarked;
