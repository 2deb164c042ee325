/// A backend that hands big matrix products to oneDNN.
@org.jspecify.annotations.NullMarked
package dev.anser.onednn;
