@NullMarked
package dev.anser.base;

import org.jspecify.annotations.NullMarked;
