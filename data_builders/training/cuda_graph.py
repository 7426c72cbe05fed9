"""A training step that a GPU records once and then replays.

A replay launches thousands of kernels with one call.
https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP_STEPS = 3


class CapturedStep:
    """A recorded step, callable with inputs of the same shapes.

    Args:
        step: Function of tensors on the GPU that returns nothing and never waits for the GPU.
        inputs: Example arguments.
        state: Tensors that the step changes; recording leaves them as they were.
        owner: Owner of all other memory that the step uses, unless the caller keeps it alive while
            replaying: a graph stores addresses and does not keep tensors alive.
    """

    def __init__(
        self,
        step: Callable[..., None],
        inputs: Sequence[Tensor],
        state: Sequence[Tensor],
        owner: object = None,
    ) -> None:
        self._owner = owner
        self._inputs = [tensor.clone() for tensor in inputs]
        before = [tensor.clone() for tensor in state]
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):  # libraries choose and load their kernels
                step(*self._inputs)
        torch.cuda.current_stream().wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, stream=stream):
            step(*self._inputs)
        for tensor, value in zip(state, before, strict=True):
            tensor.copy_(value)

    def __call__(self, *inputs: Tensor) -> None:
        """Run one step."""
        for tensor, value in zip(self._inputs, inputs, strict=True):
            tensor.copy_(value)
        self._graph.replay()
