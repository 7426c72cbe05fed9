"""Image sets: fetch and read official files, verify them, and split them."""
