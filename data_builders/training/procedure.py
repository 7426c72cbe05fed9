"""A training in words: everything that somebody needs to repeat it without this code.

Tables carry these words under ``recipe["training"]``. docs/scripts/retrain.py repeats a training
from them.
"""

from collections.abc import Mapping
from typing import Any

from data_builders.network import Network
from data_builders.recipe import ImageRecipe, Recipe
from data_builders.task_recipe import TaskRecipe


def procedure(network: Network, recipe: Recipe, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return what the reference loop of a recipe does, by subject.

    Args:
        network: Class of the networks; its ``description`` is the first text, if it has one.
        recipe: How to train.
        manifest: The trainer with its choices.
    """
    texts = {"network": getattr(network, "description", "")}  # a plug-in may have none
    if isinstance(recipe, ImageRecipe):
        texts |= _of_images(recipe)
    if isinstance(recipe, TaskRecipe):
        texts |= _of_a_task(recipe)
    precision = "float32"
    if manifest.get("device") == "cuda":
        precision = "features in bfloat16, all else in float32"
    return {subject: text for subject, text in texts.items() if text} | {"precision": precision}


def _of_images(recipe: ImageRecipe) -> dict[str, str]:
    return {
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
        "schedule": _cosine(recipe),
        "metrics": "train: mean over the epoch of what each step saw before its update, in "
        "training mode; valid and test: of all their images after the epoch, in evaluation mode, "
        "not augmented",
    }


def _of_a_task(recipe: TaskRecipe) -> dict[str, str]:
    total = recipe.epochs * recipe.steps
    rising = round(recipe.warmup * total)
    return {
        "initial_values": "filters of the convolution and all other weights uniform in "
        "+-1/sqrt(fan-in), that of the embedding being the width; scales of norms 1; biases 0. "
        "Drawn with SplitMix64, keyed by seed, digits of the representative of the class, and name "
        "of the parameter",
        "task": recipe.task.description,
        "batches": f"{recipe.steps} steps an epoch, of {recipe.batch} new sequences each, a "
        "function of seed and step, the same for all architectures; validation and test sequences "
        "are a function of the task, all different. Each is made of "
        f"{recipe.task.draws} uniform numbers of SplitMix64, in the order of the sequences, keyed "
        f"by task/{recipe.task.name}/train/<seed>/<step>, steps counted from 0 over all epochs, "
        f"task/{recipe.task.name}/valid or task/{recipe.task.name}/test",
        "loss": "cross-entropy, mean over the answers of the batch",
        "optimizer": f"AdamW, for the gradient g of a parameter p: g is scaled by min(1, "
        f"{recipe.clip:g} / (norm of all gradients + 1e-6)); m = {recipe.beta1:g} m + "
        f"{1 - recipe.beta1:g} g; v = {recipe.beta2:g} v + {1 - recipe.beta2:g} g^2, both at first "
        f"0; p -= rate ({recipe.weight_decay:g} p + (m / (1 - {recipe.beta1:g}^(t + 1))) / (sqrt(v "
        f"/ (1 - {recipe.beta2:g}^(t + 1))) + 1e-8)) in step t = 0, 1, ... The decay applies to "
        "every parameter",
        "schedule": f"rate {recipe.learning_rate:g} (t + 1) / {rising} in step t < {rising}, then "
        f"{recipe.learning_rate / 2:g} (1 + cos(pi (t - {rising}) / {total - rising})) up to step "
        f"{total - 1}"
        if rising
        else _cosine(recipe),
        "metrics": "train: mean over the epoch of what each step saw before its update; valid and "
        "test: of all their answers after the epoch; losses in nats",
    }


def _cosine(recipe: Recipe) -> str:
    return (
        f"rate {recipe.learning_rate / 2:g} (1 + cos(pi t / T)) in step t = 0, ..., "
        f"T - 1 of T = {recipe.epochs * recipe.steps}; no warm-up"
    )


def _augmentation(recipe: ImageRecipe) -> str:
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
