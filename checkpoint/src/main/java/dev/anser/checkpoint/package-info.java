@NullMarked
package dev.anser.checkpoint;

import org.jspecify.annotations.NullMarked;
