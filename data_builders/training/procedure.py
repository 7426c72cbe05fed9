"""A training in words: everything that somebody needs to repeat it without this code.

Tables carry these words under ``recipe["training"]``. docs/scripts/retrain.py repeats a training
from them.
"""

from collections.abc import Mapping
from typing import Any

from data_builders.network import Network
from data_builders.recipe import Recipe


def procedure(network: Network, recipe: Recipe, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what :mod:`data_builders.training.reference` does, by subject.

    Args:
        network: Class of the networks; its ``description`` is the first text, if it has one.
        recipe: How to train.
        manifest: The trainer with its choices.
    """
    texts = {
        "network": getattr(network, "description", ""),  # a plug-in may have none
        "initial_values": "kernels of convolutions uniform in +-sqrt(6 / fan-in), which is a "
        "standard deviation of sqrt(2 / fan-in); weights of linear layers uniform in "
        "+-1/sqrt(fan-in); scales of norms 1; all shifts and biases 0. Drawn with SplitMix64, "
        "keyed by seed, digits of the representative of the class, and name of the parameter",
        "normalisation": "of each channel, the mean over the pixels of all training images is "
        "subtracted, and the result divided by their standard deviation",
        "batches": f"{recipe.steps} steps an epoch, of {recipe.batch} images each; every epoch has "
        "an order of its own, a function of seed and epoch, the same for all architectures",
        "augmentation": _augmentation(recipe),
        "loss": "cross-entropy, mean over the batch, labels not smoothed",
        "optimizer": f"SGD with Nesterov momentum {recipe.momentum:g} and no dampening, for the "
        "gradient g of a parameter p and the velocity v, at first 0: "
        f"g += {recipe.weight_decay:g} p; v = {recipe.momentum:g} v + g; "
        f"p -= rate (g + {recipe.momentum:g} v). The decay applies to every parameter, scales, "
        "shifts and biases included. Gradients are not clipped, weights not averaged"
        if recipe.momentum
        else f"SGD without momentum: p -= rate (g + {recipe.weight_decay:g} p) for every parameter "
        "p with gradient g, scales, shifts and biases included",
        "schedule": f"rate {recipe.learning_rate / 2:g} (1 + cos(pi t / T)) in step t = 0, ..., "
        f"T - 1 of T = {recipe.epochs * recipe.steps}; no warm-up",
        "metrics": "train: mean over the epoch of what each step saw before its update, in "
        "training mode; valid and test: of all their images after the epoch, in evaluation mode, "
        "not augmented",
        "precision": "features in bfloat16, all else in float32"
        if manifest.get("device") == "cuda"
        else "float32",
    }
    return {subject: text for subject, text in texts.items() if text}


def _augmentation(recipe: Recipe) -> str:
    parts = []
    if recipe.flip:
        parts.append("mirrored left to right with probability 1/2")
    if recipe.crop:
        parts.append(
            f"padded with {recipe.crop} pixels that are 0 after normalisation, then cropped to the "
            "original size at a uniformly drawn place"
        )
    how = "drawn anew for every image and epoch, the same for all architectures"
    return f"{'; '.join(parts)}; {how}" if parts else "none"
