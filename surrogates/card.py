"""The model card of a surrogate: what it is, how well it predicts, what not to use it for."""

from surrogates.verdict import BASELINE, NAMES, Verdict, rounded

_MAX_EPOCHS = 8


def rows(verdict: Verdict) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the figures: some epochs of each split, the baseline last."""
    kept = verdict.kept()
    table = []
    for split, by_epoch in verdict.figures.items():
        for epoch in _spaced(list(by_epoch)):
            table.append([split, str(epoch), *rounded(by_epoch[epoch], kept)])
    last = verdict.description.epochs[-1]
    table.append([BASELINE, str(last), *rounded(verdict.baseline, kept)])
    return ["judged on", "epoch", *(NAMES[name] for name in kept)], table


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
        f"{table['version']}` (content {table['content_hash'][:12]}…).\n"
        f"* **Model** `{about.regressor}` ({about.family}), seed {about.seed}, at most "
        f"{about.components} components: `{about.hyperparameters}`.\n"
        f"* **Not for** comparing algorithms that fit {about.family} models themselves: the "
        "surrogate favours them. Boards mark them.",
        f"## How well it predicts {about.default_objective}",
        "The surrogate is judged on networks that it has not seen; the harder splits refit it on "
        "equally many other architectures. Predicted means are compared with means over the "
        "recorded trainings; the log-likelihood and the shares within the central 50 % and 90 % "
        "refer to single trainings.",
        _markdown(header, body),
    ]
    if lines := verdict.lines():
        parts += ["## Searches on the surrogate", "\n\n".join(lines), _searches(verdict)]
    parts.append(f"Source: {about.source}. Licence: {about.licence}. Cite: {about.citation}")
    return "\n\n".join(parts) + "\n"


def _searches(verdict: Verdict) -> str:
    found = verdict.comparison
    if found is None:
        return ""
    body = [
        [name, *(f"{side.finals[i].mean():.3f}" for side in (found.table, found.surrogate))]
        for i, name in enumerate(found.algorithms)
    ]
    what = verdict.description.default_objective
    return _markdown(["algorithm", f"{what}, table", f"{what}, surrogate"], body)


def _spaced(epochs: list[int]) -> list[int]:
    """At most 8 evenly spaced epochs, the last among them."""
    step = -(-len(epochs) // _MAX_EPOCHS)
    return epochs[::-1][::step][::-1]


def _markdown(header: list[str], body: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
