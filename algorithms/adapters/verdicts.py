"""What can be relied on in optimisers of other packages, tested for each."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """What an optimiser does, as the tests of its adapter show.

    Attributes:
        reproducible: Whether the same seed gives the same search, also in another process with
            another number of threads.
        parallel: Whether it can be asked while it waits for results, and hears them in any order.
        warm_start: Whether it can start from given trials.
        objectives: Whether it takes several objectives.
    """

    reproducible: bool
    parallel: bool
    warm_start: bool
    objectives: bool


VERDICTS = {
    "optuna:TPESampler": Verdict(True, True, True, True),
    "optuna:GPSampler": Verdict(True, True, True, True),
    "optuna:NSGAIISampler": Verdict(True, True, True, True),
    "optuna:NSGAIIISampler": Verdict(True, True, True, True),
    "optuna:CmaEsSampler": Verdict(True, True, True, False),
    "optuna:QMCSampler": Verdict(True, True, True, True),
    "optuna:RandomSampler": Verdict(True, True, True, True),
    "optuna:BruteForceSampler": Verdict(True, True, True, True),
    "smac:HyperparameterOptimizationFacade": Verdict(True, True, True, True),
    "smac:BlackBoxFacade": Verdict(True, True, True, True),
    "smac:AlgorithmConfigurationFacade": Verdict(True, True, True, True),
    "smac:RandomFacade": Verdict(True, True, True, True),
    "smac:MultiFidelityFacade": Verdict(True, True, True, False),
    "smac:HyperbandFacade": Verdict(True, True, True, False),
    "synetune:ASHA": Verdict(True, True, True, False),
    "synetune:BOHB": Verdict(True, True, True, False),
    "synetune:ASHABORE": Verdict(True, True, True, False),
    "synetune:ASHACQR": Verdict(True, True, True, False),
    "synetune:MOASHA": Verdict(True, True, True, True),
    "synetune:RandomSearch": Verdict(True, True, True, False),
    "synetune:REA": Verdict(True, True, True, False),
    "synetune:TPE": Verdict(True, True, True, False),
    "synetune:BORE": Verdict(True, True, True, False),
    "synetune:CQR": Verdict(True, True, True, False),
    "dehb:DEHB": Verdict(True, True, False, False),
}
