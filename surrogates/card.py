"""The model card of a surrogate: what it is, how well it predicts, what not to use it for."""

from surrogates.comparison import Comparison, known_mean
from surrogates.verdict import BASELINE, NAMES, Verdict, rounded

_MAX_EPOCHS = 8
_ON_LUCK = (
    "*On the table* is the mean over the trainings of the choice, among them the one that it was "
    "chosen by, which is better than most: new trainings would give less. *In truth* has no such "
    "part."
)


def rows(verdict: Verdict) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the figures: some epochs of each split, the baseline last."""
    kept = verdict.kept()
    table = []
    for split, by_epoch in verdict.figures.items():
        learned = f"{verdict.learned_from[split]:,}"
        for epoch in _spaced(list(by_epoch)):
            table.append([split, learned, str(epoch), *rounded(by_epoch[epoch], kept)])
    last = verdict.description.epochs[-1]
    learned = f"{verdict.description.table['architectures']:,}"
    table.append([BASELINE, learned, str(last), *rounded(verdict.baseline, kept)])
    return ["judged on", "learned from", "epoch", *(NAMES[name] for name in kept)], table


def card(verdict: Verdict) -> str:
    """The card in Markdown."""
    about = verdict.description
    table = about.table
    header, body = rows(verdict)
    parts = [
        f"# {about.id}",
        f"{about.description} Query it with `nasbench query {about.id} ARCH`, search it with "
        f"`nasbench run ALGORITHM {about.id}`.",
        f"* **Space** {about.space}, **data** {about.dataset}, {about.schedule} epochs; predicts "
        f"{', '.join(about.columns)}{' and seconds' if about.clocked else ''}.\n"
        f"* **Learned from** {table['architectures']:,} architectures of `{table['id']}@"
        f"{table['version']}` (content {table['content_hash'][:12]}…)"
        f"{about.left_out and f'; {about.left_out}'}. Only finished trainings are imitated: an "
        "architecture that diverges in the table gets a good value here.\n"
        f"* **Model** `{about.regressor}` ({about.family}), seed {about.seed}, at most "
        f"{about.components} components: `{about.hyperparameters}`.\n"
        f"* **Noise** {about.noise}.\n"
        f"* **Not for** comparing algorithms that fit {about.family} models themselves: the "
        "surrogate favours them. Boards mark them.",
        f"## How well it predicts {about.judged_column}",
        "The surrogate is judged on networks that it has not seen; the harder splits refit it on "
        "other architectures, as many as are left up to the same number. Predicted means are "
        "compared with means over the recorded trainings; the log-likelihood and the shares within "
        "the central 50 % and 90 % refer to single trainings. "
        + _on_logarithms(verdict)
        + _on_agreement(verdict),
        _markdown(header, body),
        "## Searches on the surrogate",
        "\n\n".join(verdict.lines()),
    ]
    if verdict.comparison is not None:
        parts.append(_searches(verdict.comparison))
    parts.append(f"Source: {about.source}. Licence: {about.licence}. Cite: {about.citation}")
    return "\n\n".join(parts) + "\n"


def _on_logarithms(verdict: Verdict) -> str:
    if "r2_log" not in verdict.baseline:
        return ""
    return (
        "Logarithms were learned; log-likelihood and shares are of these. Their R² decides on "
        "publication, because the other depends on the few largest values. "
    )


def _on_agreement(verdict: Verdict) -> str:
    if not any("between" in f for by in verdict.figures.values() for f in by.values()):
        return (
            "No architecture was trained often enough to say how far that is from what a perfect "
            "predictor would reach, and the best tenth is chosen by the trainings that judge it."
        )
    return (
        "A perfect predictor of the mean agrees with noisy trainings better than these with each "
        "other: what it would reach is estimated from two trainings of each architecture, as if "
        "means and noise were normal. The best tenth is chosen by one training and judged by the "
        "others, where at least 200 architectures have several."
    )


def _searches(found: Comparison) -> str:
    """Mean objective of what searches chose on either side, and of the latter in the table."""
    sides = found.table.finals, found.surrogate.finals, found.truth
    means = [known_mean(side) for side in sides]
    body = [
        [name, *(f"{mean[i]:.3f}" for mean in means)] for i, name in enumerate(found.algorithms)
    ]
    table = _markdown(["algorithm", "on the table", "on the surrogate", "in truth"], body)
    return f"{table}\n\n{_ON_LUCK}"


def _spaced(epochs: list[int]) -> list[int]:
    """At most 8 evenly spaced epochs, the last among them."""
    step = -(-len(epochs) // _MAX_EPOCHS)
    return epochs[::-1][::step][::-1]


def _markdown(header: list[str], body: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
