"""Configuration of the documentation site: ``python -m sphinx -W -b html docs site-docs``."""
