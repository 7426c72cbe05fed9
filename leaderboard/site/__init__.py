"""The static site: pages, plots, tables and the feed of a board."""
