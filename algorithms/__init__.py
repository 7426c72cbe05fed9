"""Search algorithms, one a file, named as in the records.

Each keeps the contract of :mod:`nasbench.algorithm`: it sees the space and what it is told, no
table, no test score, no clock.
"""

from nasbench.registry import Registry

ALGORITHMS = Registry(
    "nasbench.algorithms",
    "algorithm",
    {
        "random_search": "algorithms.random_search:RandomSearch",
        "local_search": "algorithms.local_search:LocalSearch",
        "hill_climb": "algorithms.hill_climb:HillClimb",
        "simulated_annealing": "algorithms.simulated_annealing:SimulatedAnnealing",
        "coordinate_search": "algorithms.coordinate_search:CoordinateSearch",
        "regularized_evolution": "algorithms.regularized_evolution:RegularizedEvolution",
        "tournament_evolution": "algorithms.tournament_evolution:TournamentEvolution",
        "genet": "algorithms.genet:GeNet",
        "cgp_es": "algorithms.cgp_es:CGPES",
        "reinforce": "algorithms.reinforce:Reinforce",
        "reinforce_lstm": "algorithms.reinforce_lstm:ReinforceLSTM",
        "ppo_lstm": "algorithms.ppo_lstm:PPOLSTM",
        "transform_rl": "algorithms.transform_rl:TransformRL",
        "cross_entropy": "algorithms.cross_entropy:CrossEntropy",
        "mdenas": "algorithms.mdenas:MdeNAS",
        "metaqnn": "algorithms.metaqnn:MetaQNN",
        "mcts_uct": "algorithms.mcts_uct:MctsUct",
        "lanas": "algorithms.lanas:LaNAS",
        "successive_halving": "algorithms.successive_halving:SuccessiveHalving",
        "hyperband": "algorithms.hyperband:Hyperband",
        "asha": "algorithms.asha:ASHA",
        "async_hyperband": "algorithms.async_hyperband:AsyncHyperband",
        "pasha": "algorithms.pasha:PASHA",
        "bohb": "algorithms.bohb:BOHB",
        "dehb": "algorithms.dehb:DEHB",
        "nsga2": "algorithms.nsga2:NSGA2",
        "lemonade": "algorithms.lemonade:Lemonade",
        "mo_reward": "algorithms.mo_reward:MoReward",
        "random_scalarization": "algorithms.random_scalarization:RandomScalarization",
    },
)
