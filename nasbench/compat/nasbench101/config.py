"""The configuration that google-research/nasbench hands out: the space and the trainings."""

from typing import Any

from nasbench.spaces.nb101 import MAX_EDGES, MAX_VERTICES, OPERATIONS


def build_config() -> dict[str, Any]:
    """Return a new dict with the defaults of the original, by which the archive was made.

    Answers come from a table, so changes have no effect, with one exception: ``num_repeats``, of
    which :meth:`NASBench.query` draws. The learning rate is per TPU shard: trainings ran at 0.2.
    """
    return {
        "train_data_files": [],
        "valid_data_file": "",
        "test_data_file": "",
        "sample_data_file": "",
        "data_format": "channels_last",
        "num_labels": 10,
        "module_vertices": MAX_VERTICES,
        "max_edges": MAX_EDGES,
        "available_ops": list(OPERATIONS),
        "stem_filter_size": 128,
        "num_stacks": 3,
        "num_modules_per_stack": 3,
        "batch_size": 256,
        "train_epochs": 108,
        "train_seconds": 4 * 60 * 60.0,
        "learning_rate": 0.1,
        "lr_decay_method": "COSINE_BY_STEP",
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "max_attempts": 5,
        "intermediate_evaluations": ["0.5"],
        "num_repeats": 3,
        "use_tpu": True,
        "tpu_iterations_per_loop": 100,
        "tpu_num_shards": 2,
    }
