@NullMarked
package dev.anser.data;

import org.jspecify.annotations.NullMarked;
