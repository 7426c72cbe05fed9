"""What a reader must know before trusting the differences on a board, in plain sentences."""

from leaderboard.boards import OUTSIDE, Board
from leaderboard.courses import fits_more
from leaderboard.fronts import MARGIN, FrontLandscape
from leaderboard.labels import some_of
from leaderboard.populations import STARTS, TRAININGS
from leaderboard.site.formatting import number, unit_of

FEW_SEEDS = 20
"""Rows with fewer seeds get a warning."""


def _ended_early(board: Board) -> list[str]:
    """How many runs of which rows could have gone on, as far as trials and epochs tell."""
    found = []
    for row in board.rows:
        manifest = row.records.manifest
        n = sum(fits_more(manifest, search.course.paid) for search in row.searches)
        if n and not manifest.weight_sharing:
            found.append(f"{n} of {len(row.seeds)} of {row.label}")
    return found


def method(board: Board) -> str:
    """How the choice of a search is judged."""
    landscape = board.landscape
    seen, reported = landscape.observed.name, landscape.reported.name
    means = (
        "as the surrogate's predicted mean over all trainings"
        if landscape.population.surrogate
        else "as a mean over the recorded trainings"
    )
    if isinstance(landscape, FrontLandscape) and not landscape.selected_on_test:
        judge = "on test" if landscape.reported.column.split == "test" else "on the same columns"
        return (
            f"The searches saw {seen}. A search chooses the trials that no other trial dominates; "
            f"they are judged by the {reported} of the space, {judge}, {means}."
        )
    if landscape.selected_on_test:
        return (
            f"Selected on test: the searches themselves saw {seen}. This board cannot tell how "
            "well their choices do on unseen data."
        )
    if landscape.reported.column.split == "test":
        return (
            f"The searches saw only {seen}. The architecture that they chose is judged by its "
            f"{reported}, {means}. Validation chooses, test judges."
        )
    if landscape.observed.column.split == "valid":
        among = (
            ""
            if landscape.population.surrogate
            else ", including the one that the search itself saw"
        )
        return (
            "Validation regret: there is no test column, so the choice is judged by the same "
            f"{reported} that selected it, {means}{among}. The board shows which search finds what "
            "validation ranks first, not how good that is on unseen data."
        )
    return f"The searches saw {seen}, and their choices are judged by the same column."


def warnings(board: Board) -> list[str]:
    """Limits of the board, most important first."""
    landscape = board.landscape
    found = _surrogate_warnings(board)
    if board.question.constraints:
        found.append(
            f"The searches saw only the {len(landscape.archs):,} architectures with "
            f"{board.question.condition}; the optimum, regret and random search are those of these "
            "alone."
        )
    if OUTSIDE in board.question.kinds:
        found.append(
            "These trials were proposed by loops of their authors' own, outside of the suite. "
            "Every loss, training seed and time follows from the benchmark, but nobody can tell "
            "what else a loop knew, test results included, and no command makes a row again."
        )
    if early := _ended_early(board):
        found.append(
            f"Some runs end although another full training fits their budget: {some_of(early)}. "
            "Either their algorithm had nothing more to propose, or what it proposed was left out."
        )
    if board.unranked:
        found.append(
            f"{board.unranked} Each row says what its searches chose and what they paid; curves "
            "compare them at equal cost. To rank them, also beside searches with full trainings, "
            "run them with --epochs or --seconds in place of --trials."
        )
    if landscape.exhaustive_once is not None:
        found.append(
            "Results change when an architecture is trained again. Exhaustive search that trains "
            f"every architecture once would end at {points(board, landscape.exhaustive_once)}. "
            "This is a reference, not a limit: the best of so many single results is often a "
            "lucky one, and a search that trains fewer architectures meets fewer of these."
            + _below(board, landscape.exhaustive_once)
        )
    if landscape.exhaustive_mean > 0:
        found.append(
            f"Exhaustive search that sees the mean {landscape.observed.name} of every architecture "
            f"would end at {points(board, landscape.exhaustive_mean)}, because validation and test "
            "disagree about the best one. This is no limit either: a choice that validation ranks "
            "lower can do better on test." + _below(board, landscape.exhaustive_mean)
        )
    fewest = min(len(row.seeds) for row in board.rows)
    if fewest < 2:
        found.append("A row with one seed has no interval, so it cannot be told from any other.")
    elif fewest < FEW_SEEDS:
        found.append(
            f"Some rows have only {fewest} seeds, so their intervals are rough. Run more seeds."
        )
    if any(row.seeds != board.rows[0].seeds for row in board.rows):
        found.append(
            "Rows have different seeds; each is compared with the first row on their common seeds."
        )
    lost = sum(not len(search.times) for row in board.rows for search in row.searches)
    if lost:
        found.append(
            f"{lost} of the runs ended without a finished training; each counts as a random "
            "architecture."
        )
    failed = landscape.reported.n_failed
    if failed:
        found.append(
            f"{failed:,} of the architectures have a recorded training that diverged; they "
            + (
                "dominate nothing."
                if isinstance(landscape, FrontLandscape)
                else "count as the worst of the others."
            )
        )
    if landscape.population.extent == "recorded":
        found.append(
            f"The table holds {len(landscape.archs):,} architectures, not the whole space; regret "
            "is the distance to the best of these."
        )
    if not landscape.full_seconds:
        found.append("The benchmark records no training times, so there is no simulated time.")
    if isinstance(landscape, FrontLandscape):
        found.append(
            "Hypervolume regret is 1 minus the share of the best hypervolume of the space: losses "
            "are scaled by the Pareto front of the space to 0..1, and the reference point is "
            f"{1 + MARGIN:g} in each. The expectation of random search has no closed form here; "
            "compare with its row."
        )
    elif not board.unranked and board.random_evaluations is None:
        found.append(
            "The expectation of random search is known per number of full trainings. This budget "
            f"is in seconds, so it is drawn over {'epochs' if board.partial else 'evaluations'}."
        )
    return found


def surrogate(board: Board) -> str:
    """The surrogate that answers in place of trainings; empty on a table."""
    about = board.landscape.population.surrogate
    if about is None:
        return ""
    table = about.table
    return (
        f"{about.family} model fitted to {table['architectures']:,} architectures of "
        f"{table['id']}@{table['version']}"
    )


def _surrogate_warnings(board: Board) -> list[str]:
    """Limits of a surrogate; empty on a table."""
    landscape = board.landscape
    about = landscape.population.surrogate
    if about is None:
        return []
    text = (
        f"This is a surrogate, not a table of trainings: a {surrogate(board)} answers every trial."
    )
    if (tau := about.judged.get("kendall")) is not None:
        text += (
            f" On networks that it has not seen, its ranking has a Kendall tau of {tau:.2f} with "
            "their trainings."
        )
    found = [text]
    if landscape.population.extent == "sampled":
        found.append(
            f"The optimum is the best of {len(landscape.archs):,} random architectures and of "
            f"local searches on the surrogate from the {STARTS} best of them, not a measured "
            "value. A regret below 0 is better than that."
        )
    else:
        found.append(
            f"The optimum is the best of {len(landscape.archs):,} predictions of the surrogate, "
            "not a measured value."
        )
    if not landscape.is_exact:
        trainings = f"{TRAININGS} drawn trainings of each of "
        of = f"{trainings if landscape.is_drawn else ''}these"
        found.append(
            f"The expectation of random search is estimated from {of} {len(landscape.archs):,} "
            "architectures."
        )
    return found


def _below(board: Board, regret: float) -> str:
    """A sentence, such as ``" 2 of 3 rows are below it."``; empty if no row is below."""
    n = sum(row.regret.mean < regret for row in board.rows)
    which = f"{n} of {len(board.rows)} rows" if len(board.rows) > 1 else "The only row"
    return f" {which} {'is' if n == 1 else 'are'} below it." if n else ""


def replicate(board: Board) -> str:
    """The training that answered a trial."""
    policy = board.question.replicate
    if board.landscape.population.surrogate:
        if board.landscape.is_drawn:
            return "one training, sampled by the surrogate"
        if not board.landscape.population.trained:
            return "the predicted mean: the surrogate has no noise, since none was measured"
        return "mean over all trainings" if policy == "mean" else f"training {policy}"
    if policy == "draw":
        return "one recorded training, drawn at random"
    return "mean of the recorded trainings" if policy == "mean" else f"recorded training {policy}"


def seeds(board: Board) -> str:
    """Number of seeds per row."""
    counts = sorted({len(row.seeds) for row in board.rows})
    text = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return f"{text} per row"


def points(board: Board, value: float) -> str:
    """A regret with its unit."""
    return f"{number(value)} {unit_of(board, 'points')}".strip()
