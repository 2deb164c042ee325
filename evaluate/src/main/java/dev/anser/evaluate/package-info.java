@NullMarked
package dev.anser.evaluate;

import org.jspecify.annotations.NullMarked;
