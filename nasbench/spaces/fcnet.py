"""The space of FCNet, NAS-HPO-Bench (Klein and Hutter, 2019, https://arxiv.org/abs/1905.04970).

Architecture and training of a network with two hidden layers for regression on tabular data: 62,208
configurations.
"""

import json
from typing import Any

from nasbench.errors import IllegalArchError, one_of
from nasbench.space import Arch, Decision, SearchSpace

ACTIVATIONS = ("relu", "tanh")
BATCH_SIZES = (8, 16, 32, 64)
DROPOUTS = (0.0, 0.3, 0.6)
LEARNING_RATES = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1)
SCHEDULES = ("cosine", "const")
UNITS = (16, 32, 64, 128, 256, 512)
CHOICES: dict[str, tuple[str | float, ...]] = {
    "activation_fn_1": ACTIVATIONS,
    "activation_fn_2": ACTIVATIONS,
    "batch_size": BATCH_SIZES,
    "dropout_1": DROPOUTS,
    "dropout_2": DROPOUTS,
    "init_lr": LEARNING_RATES,
    "lr_schedule": SCHEDULES,
    "n_units_1": UNITS,
    "n_units_2": UNITS,
}


def _decision(name: str) -> Decision:
    labels = tuple(map(str, CHOICES[name]))
    values = tuple([float(choice) for choice in CHOICES[name] if not isinstance(choice, str)])
    return Decision(name, labels, "numeric" if values else "categorical", values)


class FCNet(SearchSpace):
    """Configurations of FCNet as JSON: ``{"activation_fn_1": "relu", …, "n_units_2": 512}``.

    The text is what ``json.dumps(configuration, sort_keys=True)`` prints, the name of a group in
    the published files. All tuples are legal and no two are treated as the same network. ``sample``
    is uniform over them.
    """

    name = "fcnet"
    decisions = tuple(map(_decision, CHOICES))

    def to_text(self, arch: Arch) -> str:
        chosen = zip(CHOICES.items(), arch, strict=True)
        return json.dumps({name: choices[option] for (name, choices), option in chosen})

    def from_text(self, text: str) -> Arch:
        """Read a configuration: keys in any order, numbers compared by value.

        Raises:
            IllegalArchError: The text is not a JSON object; a key is missing, unknown or given
                twice; or a value is not one of the choices.
        """
        given = _object(text)
        for name in given:
            if name not in CHOICES:
                raise IllegalArchError(
                    f"{text!r:.400} has an unknown key {name!r:.80}{one_of(name[:80], CHOICES)}"
                )
        if missing := [name for name in CHOICES if name not in given]:
            raise IllegalArchError(f"{text!r:.400} has no value for {', '.join(missing)}")
        return tuple([_option(decision, given[decision.name], text) for decision in self.decisions])


def _object(text: str) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise IllegalArchError(f"{text!r:.400} has {twice!r:.80} twice")
        return found

    try:
        content = json.loads(text, object_pairs_hook=unique)
    except IllegalArchError:
        raise
    except (ValueError, RecursionError) as error:
        raise IllegalArchError(
            f"{text!r:.400} is not JSON ({error}); a configuration of 'fcnet' is JSON such as "
            f"{_example()}"
        ) from error
    if not isinstance(content, dict):
        raise IllegalArchError(
            f"{text!r:.400} is not a JSON object; a configuration of 'fcnet' is one such as "
            f"{_example()}"
        )
    return content


def _example() -> str:
    space = FCNet()
    return space.to_text((0,) * len(space.decisions))


def _option(decision: Decision, value: object, text: str) -> int:
    """Return the position of a value among the choices; ``True`` is not a number, 16.0 is 16."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    for option, choice in enumerate(CHOICES[decision.name]):
        if value == choice and is_number != isinstance(choice, str):
            return option
    shown = json.dumps(value) if isinstance(value, str | int | float) else type(value).__name__
    guess = shown[:80]
    if isinstance(value, int | float) and is_number and decision.values and abs(value) < 1e9:
        labelled = zip(decision.values, decision.labels, strict=True)
        guess = min((abs(number - value), label) for number, label in labelled)[1]
    raise IllegalArchError(
        f"{text!r:.400} has {decision.name} {shown:.80}{one_of(guess, decision.labels)}"
    )
