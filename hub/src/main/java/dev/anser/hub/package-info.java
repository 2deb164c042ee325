@NullMarked
package dev.anser.hub;

import org.jspecify.annotations.NullMarked;
