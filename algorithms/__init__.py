"""Search algorithms, one per file; file names are the names in run records.

Every algorithm implements :mod:`nasbench.algorithm`: it sees the search space and its observations,
but no table, no test result and no clock.
"""

from nasbench.registry import Registry

ALGORITHMS = Registry(
    "nasbench.algorithms",
    "algorithm",
    {
        "random_search": "algorithms.random_search:RandomSearch",
        "local_search": "algorithms.local.local_search:LocalSearch",
        "hill_climb": "algorithms.local.hill_climb:HillClimb",
        "simulated_annealing": "algorithms.local.simulated_annealing:SimulatedAnnealing",
        "coordinate_search": "algorithms.local.coordinate_search:CoordinateSearch",
        "fpnas": "algorithms.local.fpnas:FPNAS",
        "regularized_evolution": "algorithms.evolution.regularized_evolution:RegularizedEvolution",
        "tournament_evolution": "algorithms.evolution.tournament_evolution:TournamentEvolution",
        "genet": "algorithms.evolution.genet:GeNet",
        "cgp_es": "algorithms.evolution.cgp_es:CGPES",
        "reinforce": "algorithms.reinforcement.reinforce:Reinforce",
        "reinforce_lstm": "algorithms.reinforcement.reinforce_lstm:ReinforceLSTM",
        "ppo_lstm": "algorithms.reinforcement.ppo_lstm:PPOLSTM",
        "transform_rl": "algorithms.reinforcement.transform_rl:TransformRL",
        "cross_entropy": "algorithms.distribution.cross_entropy:CrossEntropy",
        "mdenas": "algorithms.distribution.mdenas:MdeNAS",
        "metaqnn": "algorithms.reinforcement.metaqnn:MetaQNN",
        "mcts_uct": "algorithms.tree_search.mcts_uct:MctsUct",
        "mcts_surrogate": "algorithms.tree_search.mcts_surrogate:MctsSurrogate",
        "lanas": "algorithms.tree_search.lanas:LaNAS",
        "gp_bo": "algorithms.bayesian.gp_bo:GPBO",
        "nas_bowl": "algorithms.bayesian.nas_bowl:NASBowl",
        "nasbot": "algorithms.bayesian.nasbot:NASBOT",
        "bananas": "algorithms.bayesian.bananas:BANANAS",
        "dngo": "algorithms.bayesian.dngo:DNGO",
        "weak_nas": "algorithms.predictor.weak_nas:WeakNAS",
        "predictor_search": "algorithms.predictor.predictor_search:PredictorSearch",
        "predictor_ea": "algorithms.predictor.predictor_ea:PredictorEA",
        "bonas": "algorithms.bayesian.bonas:BONAS",
        "neural_predictor": "algorithms.predictor.neural_predictor:NeuralPredictor",
        "npenas": "algorithms.predictor.npenas:NPENAS",
        "brp_nas": "algorithms.predictor.brp_nas:BRPNAS",
        "pnas": "algorithms.predictor.pnas:PNAS",
        "dpp_net": "algorithms.predictor.dpp_net:DPPNet",
        "nao": "algorithms.predictor.nao:NAO",
        "successive_halving": "algorithms.multi_fidelity.successive_halving:SuccessiveHalving",
        "hyperband": "algorithms.multi_fidelity.hyperband:Hyperband",
        "asha": "algorithms.multi_fidelity.asha:ASHA",
        "async_hyperband": "algorithms.multi_fidelity.async_hyperband:AsyncHyperband",
        "pasha": "algorithms.multi_fidelity.pasha:PASHA",
        "bohb": "algorithms.multi_fidelity.bohb:BOHB",
        "dehb": "algorithms.multi_fidelity.dehb:DEHB",
        "tpe": "algorithms.bayesian.tpe:TPE",
        "smac": "algorithms.bayesian.smac:SMAC",
        "bore": "algorithms.bayesian.bore:BORE",
        "zero_cost": "algorithms.zero_cost.zero_cost:ZeroCost",
        "warm_start": "algorithms.zero_cost.warm_start:WarmStart",
        "zero_cost_evolution": "algorithms.zero_cost.zero_cost_evolution:ZeroCostEvolution",
        "darts": "algorithms.oneshot.relaxed.darts:DARTS",
        "partial_order_pruning": (
            "algorithms.constrained.partial_order_pruning:PartialOrderPruning"
        ),
        "netadapt": "algorithms.constrained.netadapt:NetAdapt",
        "submodular_greedy": "algorithms.constrained.submodular_greedy:SubmodularGreedy",
        "nsga2": "algorithms.multi_objective.nsga2:NSGA2",
        "lemonade": "algorithms.multi_objective.lemonade:Lemonade",
        "mo_reward": "algorithms.multi_objective.mo_reward:MoReward",
        "random_scalarization": (
            "algorithms.multi_objective.random_scalarization:RandomScalarization"
        ),
    },
)
