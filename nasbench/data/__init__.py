"""Tables that ship with the package, and the classes of ``nb201`` and ``nbgraph``."""
