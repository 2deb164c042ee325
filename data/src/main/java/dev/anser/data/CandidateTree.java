package dev.anser.data;

import java.util.Arrays;

/// All parts of all pieces, as a tree: a node is the bytes on the way to it.
final class CandidateTree {
    static final int ROOT = 0;

    // Open addressing: an edge's key, its parent and its byte, to the child.
    private int[] table = new int[1 << 16];
    private int[] parent = new int[1 << 15];
    private byte[] label = new byte[1 << 15];
    private byte[] depth = new byte[1 << 15];
    private long[] count = new long[1 << 15];
    private int size = 1;

    CandidateTree() {}

    int size() {
        return size;
    }

    int depth(int node) {
        return depth[node];
    }

    long count(int node) {
        return count[node];
    }

    void addCount(int node, long more) {
        count[node] += more;
    }

    byte[] bytes(int node) {
        byte[] bytes = new byte[depth[node]];
        for (int i = bytes.length - 1; i >= 0; i--) {
            bytes[i] = label[node];
            node = parent[node];
        }
        return bytes;
    }

    /// The node after `node` by `next`, a new one if there was none.
    int childOrNew(int node, byte next) {
        int slot = slot(node, next);
        if (table[slot] != 0) {
            return table[slot];
        }
        if (size == parent.length) {
            grow();
            slot = slot(node, next);
        }
        parent[size] = node;
        label[size] = next;
        depth[size] = (byte) (depth[node] + 1);
        table[slot] = size;
        return size++;
    }

    private int slot(int node, byte next) {
        long mixed = ((long) node << 8 | (next & 0xff)) * 0x9e3779b97f4a7c15L;
        int mask = table.length - 1;
        int slot = (int) (mixed >>> 32) & mask;
        while (table[slot] != 0 && (parent[table[slot]] != node || label[table[slot]] != next)) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }

    private void grow() {
        int capacity = Math.multiplyExact(size, 2);
        parent = Arrays.copyOf(parent, capacity);
        label = Arrays.copyOf(label, capacity);
        depth = Arrays.copyOf(depth, capacity);
        count = Arrays.copyOf(count, capacity);
        table = new int[Math.multiplyExact(capacity, 2)];
        for (int node = 1; node < size; node++) {
            table[slot(parent[node], label[node])] = node;
        }
    }
}
