"""Methods that train one architecture a step, and judge architectures with shared weights."""
