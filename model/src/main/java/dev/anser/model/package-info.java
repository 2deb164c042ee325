@NullMarked
package dev.anser.model;

import org.jspecify.annotations.NullMarked;
