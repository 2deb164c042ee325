@NullMarked
package dev.anser.tensor;

import org.jspecify.annotations.NullMarked;
