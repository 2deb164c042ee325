@NullMarked
package dev.anser.train;

import org.jspecify.annotations.NullMarked;
