"""PyTorch's optimisers without its compiler, for processes that train for a moment.

They import it without need, and that takes longer than to import all the rest.
"""

import sys
from types import ModuleType


def lighten(torch: ModuleType) -> None:
    """Give a compiler that does nothing to PyTorch as it was just imported."""
    compiler = ModuleType("torch._dynamo")
    compiler.disable = lambda function, *_, **__: function
    compiler.graph_break = lambda: None
    torch._dynamo = sys.modules[compiler.__name__] = compiler
