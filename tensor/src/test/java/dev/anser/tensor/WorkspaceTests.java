package dev.anser.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WorkspaceTests {
    @Test
    void theSameRequestsGetTheSameTensorsAgain() {
        try (Workspace workspace = new Workspace()) {
            workspace.begin();
            Tensor a = workspace.allocate(3, 5);
            Tensor b = workspace.allocate(2, 3, 5);
            workspace.begin();
            assertThat(workspace.allocate(3, 5)).isSameAs(a);
            assertThat(workspace.allocate(2, 3, 5)).isSameAs(b);
        }
    }

    @Test
    void anotherRequestGetsAnotherTensor() {
        try (Workspace workspace = new Workspace()) {
            workspace.begin();
            workspace.allocate(3, 5);
            Tensor old = workspace.allocate(4, 5);
            workspace.begin();
            workspace.allocate(3, 5);
            Tensor other = workspace.allocate(5, 4);
            assertThat(other).isNotSameAs(old);
            assertThat(other.shape()).isEqualTo(Shape.of(5, 4));
        }
    }

    @Test
    void livingTensorsNeverOverlap() {
        try (Workspace workspace = new Workspace()) {
            for (int pass = 0; pass < 3; pass++) {
                workspace.begin();
                long end = 0;
                for (int i = 1; i < 40; i++) {
                    Tensor tensor = workspace.allocate(i, 10_000);
                    for (long j = 0; j < tensor.elements(); j += 1_000) {
                        tensor.set(j, i);
                    }
                    end += tensor.bytes();
                }
                assertThat(workspace.mark()).isGreaterThanOrEqualTo(end);
            }
            workspace.begin();
            Tensor[] tensors = new Tensor[40];
            for (int i = 1; i < 40; i++) {
                tensors[i] = workspace.allocate(i, 10_000);
                tensors[i].set(0, i);
                tensors[i].set(tensors[i].elements() - 1, i);
            }
            for (int i = 1; i < 40; i++) {
                assertThat(tensors[i].get(0)).isEqualTo(i);
                assertThat(tensors[i].get(tensors[i].elements() - 1)).isEqualTo(i);
            }
        }
    }

    @Test
    void releasedMemoryIsUsedAgain() {
        try (Workspace workspace = new Workspace()) {
            workspace.begin();
            workspace.allocate(1, 16);
            long mark = workspace.mark();
            Tensor first = workspace.allocate(7, 16);
            workspace.release(mark);
            Tensor second = workspace.allocate(3, 16);
            assertThat(second.address()).isEqualTo(first.address());
        }
    }
}
