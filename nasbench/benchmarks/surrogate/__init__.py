"""A benchmark that answers with a fitted model: its folder, its model, its answers."""
