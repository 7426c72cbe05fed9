"""A training step that is recorded once on a GPU and then replayed.

A replay launches some thousand kernels with one call.
https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP_STEPS = 3


class CapturedStep:
    """Does what the step does, with inputs of the same shapes.

    Args:
        step: A function of tensors on the GPU, without a result, that never waits for the GPU.
        inputs: Examples of its arguments.
        state: Tensors that it changes; they are as before when this returns.
        owner: What holds all other memory that the step reads and writes, if the caller does not
            as long as it replays: a graph knows addresses, and nothing of who lives there.
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
        """One step."""
        for tensor, value in zip(self._inputs, inputs, strict=True):
            tensor.copy_(value)
        self._graph.replay()
