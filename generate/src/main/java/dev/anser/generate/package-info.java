@NullMarked
package dev.anser.generate;

import org.jspecify.annotations.NullMarked;
