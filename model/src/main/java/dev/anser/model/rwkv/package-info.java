/// What RWKV-4, RWKV-5 and RWKV-6 have in common. Not exported.
@NullMarked
package dev.anser.model.rwkv;

import org.jspecify.annotations.NullMarked;
