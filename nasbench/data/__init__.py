"""Tables that ship with the package, and the representatives of the classes of ``nb201``."""
