"""The model card of a surrogate: what it is, how well it predicts, what not to use it for."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surrogates.fit import Verdict

BASELINE = "nearest neighbours"
_MOST_EPOCHS = 8
_NAMES = {
    "r2": "R²",
    "kendall": "Kendall τ",
    "sparse_kendall": "sparse τ",
    "spearman": "Spearman",
    "rmse": "RMSE",
    "kendall_single": "τ with one training",
    "ceiling": "noise ceiling of it",
    "kendall_top": "τ in the best tenth",
    "log_likelihood": "log-likelihood",
    "inside_50": "within 50 %",
    "inside_90": "within 90 %",
}


def rows(verdict: "Verdict") -> tuple[list[str], list[list[str]]]:
    """Header and rows of the judgement, some epochs of each split, the baseline last."""
    kept = _kept(verdict)
    table = []
    for split, by_epoch in verdict.figures.items():
        for epoch in _some(list(by_epoch)):
            table.append([split, str(epoch), *_numbers(by_epoch[epoch], kept)])
    last = verdict.description.epochs[-1]
    table.append([BASELINE, str(last), *_numbers(verdict.baseline, kept)])
    return ["judged by", "epoch", *(_NAMES[name] for name in kept)], table


def last_epoch(verdict: "Verdict") -> tuple[list[str], list[list[str]]]:
    """Header and rows of the judgement at the last epoch, a column for each split."""
    kept, last = _kept(verdict), verdict.description.epochs[-1]
    by_split = {name: by_epoch[last] for name, by_epoch in verdict.figures.items()}
    columns = {**by_split, BASELINE: verdict.baseline}
    body = [[_NAMES[n], *(_numbers(f, [n])[0] for f in columns.values())] for n in kept]
    return [verdict.description.default_objective, *columns], body


def _kept(verdict: "Verdict") -> list[str]:
    """The figures that there are."""
    found = {name for by in verdict.figures.values() for f in by.values() for name in f}
    return [name for name in _NAMES if name in found]


def comparison_lines(verdict: "Verdict") -> list[str]:
    """What searches say of table and surrogate, in sentences; none if they were not run."""
    found = verdict.comparison
    if found is None:
        return []
    seeds = found.table.finals.shape[1]
    lines = [
        f"{len(found.algorithms)} algorithms, {seeds} seeds each, "
        f"{found.table.values.shape[1]} full trainings, on the table and on the surrogate: Kendall "
        f"τ of their ranks is {found.rank_correlation:.2f}; the table separates "
        f"{len(found.separated)} pairs (disjoint 95 % intervals), of which the surrogate reverses "
        f"and separates {len(found.reversed)}."
    ]
    lines += [f"Reversed: {better} is better than {worse}." for better, worse in found.reversed]
    return lines


def card(verdict: "Verdict") -> str:
    """The card in Markdown."""
    about = verdict.description
    table = about.table
    header, body = rows(verdict)
    parts = [
        f"# {about.id}",
        f"{about.description} `nasbench query {about.id} ARCH` asks it, `nasbench run ALGORITHM "
        f"{about.id}` searches it.",
        f"* **Space** {about.space}, **data** {about.dataset}, {about.schedule} epochs; answers "
        f"for {', '.join(about.columns)}{' and seconds' if about.clocked else ''}.\n"
        f"* **Learned from** {table['architectures']:,} architectures of `{table['id']}@"
        f"{table['version']}` (content {table['content_hash'][:12]}…).\n"
        f"* **Model** `{about.regressor}` ({about.family}), seed {about.seed}, at most "
        f"{about.components} components: `{about.hyperparameters}`.\n"
        f"* **Not for** comparing algorithms that fit {about.family} models themselves: they would "
        "be asked what they already know. Boards mark them.",
        f"## How well it predicts {about.default_objective}",
        "Judged by architectures whose networks it has not seen; the harder splits are by fits of "
        "their own to as many others. Means are compared with means over the recorded trainings; "
        "the log-likelihood and the shares within the central 50 % and 90 % are of single ones.",
        _markdown(header, body),
    ]
    if lines := comparison_lines(verdict):
        parts += ["## Searches on it", "\n\n".join(lines), _searches(verdict)]
    parts.append(f"Source: {about.source}. Licence: {about.licence}. Cite: {about.citation}")
    return "\n\n".join(parts) + "\n"


def _searches(verdict: "Verdict") -> str:
    found = verdict.comparison
    if found is None:
        return ""
    body = [
        [name, *(f"{side.finals[i].mean():.3f}" for side in (found.table, found.surrogate))]
        for i, name in enumerate(found.algorithms)
    ]
    what = verdict.description.default_objective
    return _markdown(["algorithm", f"{what}, table", f"{what}, surrogate"], body)


def _some(epochs: list[int]) -> list[int]:
    """The epochs at which a few are enough to see how the others are, the last among them."""
    step = -(-len(epochs) // _MOST_EPOCHS)
    return epochs[::-1][::step][::-1]


def _numbers(figures: Mapping[str, float], names: Iterable[str]) -> list[str]:
    return [f"{figures[name]:.3f}" if name in figures else "" for name in names]


def _markdown(header: list[str], body: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
