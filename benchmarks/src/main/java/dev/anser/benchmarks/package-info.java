/// JMH benchmarks; see the README of this module for how to run them.
@NullMarked
package dev.anser.benchmarks;

import org.jspecify.annotations.NullMarked;
