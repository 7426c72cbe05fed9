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
    "pymoo:NSGA2": Verdict(True, True, True, True),
    "pymoo:NSGA3": Verdict(True, True, True, True),
    "pymoo:MOEAD": Verdict(True, False, True, True),
    "pymoo:RVEA": Verdict(True, True, True, True),
    "pymoo:SMSEMOA": Verdict(True, True, True, True),
    "pymoo:SPEA2": Verdict(True, True, True, True),
    "pymoo:MixedVariableGA": Verdict(True, True, True, True),
    "pymoo:GDE3": Verdict(True, True, True, True),
    "pymoo:GA": Verdict(True, True, True, False),
    "pymoo:DE": Verdict(True, True, True, False),
    "pymoo:PSO": Verdict(True, True, True, False),
    "nevergrad:NGOpt": Verdict(True, True, True, True),
    "nevergrad:PortfolioDiscreteOnePlusOne": Verdict(True, True, True, True),
    "nevergrad:TwoPointsDE": Verdict(True, True, True, True),
    "nevergrad:PSO": Verdict(True, True, True, True),
    "nevergrad:CMA": Verdict(True, True, True, True),
    "nevergrad:RandomSearch": Verdict(True, True, True, True),
}
