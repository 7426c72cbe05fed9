"""What a reader of a board must know before trusting a difference, in plain sentences."""

from leaderboard.boards import Board
from leaderboard.populations import STARTS, TRAININGS
from leaderboard.site.formatting import decimals, unit_of

FEW_SEEDS = 20
"""Fewer seeds than this deserve a warning."""


def method(board: Board) -> str:
    """How the choice of a search is judged."""
    landscape = board.landscape
    seen, reported = landscape.observed.name, landscape.reported.name
    means = (
        "mean over all trainings as the surrogate predicts it"
        if landscape.population.surrogate
        else "mean over the recorded trainings"
    )
    if landscape.selected_on_test:
        return (
            f"Selected on test: the searches themselves saw {seen}. Nothing on this board says how "
            "well their choice does on images that they have not seen."
        )
    if landscape.reported.column.split == "test":
        return (
            f"The searches saw {seen} only; the architecture that they chose is judged by its "
            f"{reported}, {means}. Validation chooses, test judges."
        )
    if landscape.observed.column.split == "valid":
        among = "" if landscape.population.surrogate else ", the one that the search saw among them"
        return (
            "Validation regret: there is no test column, so the choice is judged by the "
            f"{reported} that it was chosen by, {means}{among}. The board says who finds what "
            "validation ranks first, not how good that is on other images."
        )
    return f"The searches saw {seen}, and their choice is judged by the same column."


def warnings(board: Board) -> list[str]:
    """What limits the board, most important first."""
    landscape = board.landscape
    found = _caveats(board)
    if landscape.ceiling is not None:
        text = (
            "Trained again, the same architecture scores differently. Perfect search over one "
            f"training of every architecture would end at {points(board, landscape.ceiling)}, the "
            "noise ceiling."
        )
        if below := _below(board, landscape.ceiling):
            text += (
                f" {below} below it, where finding a better {landscape.observed.name} no longer "
                "means choosing a better architecture: do not read the order there as skill."
            )
        found.append(text)
    if landscape.floor > 0:
        text = (
            f"Perfect search on the mean {landscape.observed.name} would end at "
            f"{points(board, landscape.floor)}, since the two splits disagree about the best "
            "architecture."
        )
        if below := _below(board, landscape.floor):
            text += f" {below} below that: there, a more thorough search would choose worse."
        found.append(text)
    fewest = min(len(row.seeds) for row in board.rows)
    if fewest < 2:
        found.append("A row with one seed has no interval and cannot be separated from any other.")
    elif fewest < FEW_SEEDS:
        found.append(f"Some rows have only {fewest} seeds: their intervals are rough, run more.")
    if any(row.seeds != board.rows[0].seeds for row in board.rows):
        found.append(
            "Rows have different seeds; each is compared with the first on the seeds they share."
        )
    lost = sum(not len(search.times) for row in board.rows for search in row.searches)
    if lost:
        found.append(
            f"{lost} of the runs ended without a finished training and count as a random "
            "architecture."
        )
    failed = landscape.reported.n_failed
    if failed:
        found.append(
            f"{failed:,} of the architectures have a recorded training that diverged and count as "
            "the worst of the others."
        )
    if landscape.population.extent == "recorded":
        found.append(
            f"The table holds {len(landscape.archs):,} architectures, not the whole space: the "
            "regret is the distance to the best of these."
        )
    if not landscape.full_seconds:
        found.append("The benchmark has no training times, so there is no simulated time.")
    if board.random_evaluations is None:
        found.append(
            "What random search expects is known for a number of evaluations; this budget is in "
            "seconds, so it is drawn over evaluations only."
        )
    return found


def is_noisy(board: Board) -> bool:
    """Whether the best rows have reached what noise and disagreeing splits allow to tell apart."""
    limit = max(board.landscape.ceiling or 0.0, board.landscape.floor)
    return limit > 0 and board.rows[0].regret.mean < limit


def surrogate(board: Board) -> str:
    """What answers on the board in place of trainings; empty where trainings are recorded."""
    about = board.landscape.population.surrogate
    if about is None:
        return ""
    table = about.table
    return (
        f"{about.family} model fitted to {table['architectures']:,} architectures of "
        f"{table['id']}@{table['version']}"
    )


def _caveats(board: Board) -> list[str]:
    """What a reader must know of a surrogate; nothing where trainings are recorded."""
    landscape = board.landscape
    about = landscape.population.surrogate
    if about is None:
        return []
    text = (
        f"This is a surrogate, not a table of trainings: a {surrogate(board)} answers every trial."
    )
    if (tau := about.judged.get("kendall")) is not None:
        text += (
            " Its order of networks that it has not seen agrees with their trainings by a Kendall "
            f"tau of {tau:.2f}."
        )
    found = [text]
    if landscape.population.extent == "sampled":
        found.append(
            f"The optimum is the best that {len(landscape.archs):,} random architectures and a "
            f"local search from the {STARTS} best of them found on the surrogate, not a measured "
            "truth. A regret below 0 is better than that."
        )
    else:
        found.append(
            f"The optimum is the best of {len(landscape.archs):,} architectures as the surrogate "
            "predicts them, not a measured truth."
        )
    if not landscape.is_exact:
        drawn = board.question.replicate == "draw"
        of = f"{TRAININGS} drawn trainings of each of these" if drawn else "these"
        found.append(
            f"What random search expects is estimated from {of} {len(landscape.archs):,} "
            "architectures."
        )
    return found


def _below(board: Board, regret: float) -> str:
    """``"2 of 3 rows are"``; empty if none is."""
    n = sum(row.regret.mean < regret for row in board.rows)
    return f"{n} of {len(board.rows)} rows {'is' if n == 1 else 'are'}" if n else ""


def replicate(board: Board) -> str:
    """Which training answered a trial."""
    policy = board.question.replicate
    if board.landscape.population.surrogate:
        if policy == "draw":
            return "one training, drawn by the surrogate"
        return "mean over all trainings" if policy == "mean" else f"training {policy}"
    if policy == "draw":
        return "one of the recorded trainings, drawn"
    return "mean of the recorded trainings" if policy == "mean" else f"recorded training {policy}"


def seeds(board: Board) -> str:
    """How many seeds the rows have."""
    counts = sorted({len(row.seeds) for row in board.rows})
    text = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return f"{text} a row"


def points(board: Board, value: float) -> str:
    """A regret with its unit."""
    text = f"{value:.{decimals([value])}f}" if value else "0"
    return f"{text} {unit_of(board, 'points')}".strip()
