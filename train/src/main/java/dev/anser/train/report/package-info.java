/// Seeing a training run: a file of metrics, TensorBoard, a report to read.
@NullMarked
package dev.anser.train.report;

import org.jspecify.annotations.NullMarked;
