@NullMarked
package dev.anser.text;

import org.jspecify.annotations.NullMarked;
