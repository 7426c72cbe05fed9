"""Programs to score, and what is wrong with them."""

HEAD = """\
from nasbench.algorithm import Algorithm, Proposal
class Mine(Algorithm):
    def tell(self, observation): pass
    def ask(self):
        arch = self.space.sample(self.rng)
"""
"""Random search but for its end; the next line is the sixth."""

END = "\n        return Proposal(arch)\n"

TABLE = "nasbench.__path__[0] + '/data/nb201-cifar10.parquet'"
"""The path of a table of the suite."""

CACHE = "cache_of_a_scored_program"
"""Path of a file that no program gets to write."""

FAULTY = {
    "syntax": ("def ask(:\n", "import", 1),
    "raises": ("x = 1\nraise RuntimeError('no')\n", "import", 2),
    "no_module": ("import nowhere_to_be_found\n", "import", 1),
    "no_class": ("x = 1\n", "import", None),
    "no_ask": (
        "from nasbench.algorithm import Algorithm\nclass A(Algorithm): pass\n",
        "import",
        None,
    ),
    "exit": (f"{HEAD}        raise SystemExit(0){END}", "crash", 6),
    "crash": (f"{HEAD}        arch = arch[17]{END}", "crash", 6),
    "silent_death": (f"{HEAD}        import os; os._exit(0){END}", "crash", None),
    "killed": (f"{HEAD}        import os; os.kill(os.getpid(), 11){END}", "crash", None),
    "signal": (f"{HEAD}        import os; os.kill(os.getppid(), 0){END}", "outside", 6),
    "mute": (
        "class Mute(Exception):\n    def __str__(self): raise RuntimeError\nraise Mute\n",
        "import",
        3,
    ),
    "hang": (f"{HEAD}        while True: pass{END}", "hang", 6),
    "deaf": (
        f"{HEAD}        while True:\n"
        "            try: pass\n"
        f"            except BaseException: pass{END}",
        "hang",
        7,
    ),
    "memory": (f"{HEAD}        self.hoard = bytearray(2**33){END}", "memory", 6),
    "out_of_range": (f"{HEAD}        arch = (99, *arch[1:]){END}", "illegal", 4),
    "negative": (f"{HEAD}        arch = (-1, *arch[1:]){END}", "illegal", 4),
    "short": (f"{HEAD}        arch = arch[1:]{END}", "illegal", 4),
    "list": (f"{HEAD}        arch = [*arch]{END}", "illegal", 4),
    "text": (f"{HEAD}        arch = 'nor_conv_3x3'{END}", "illegal", 4),
    "epoch": (f"{HEAD}        return Proposal(arch, 3.5){END}", "contract", 4),
    "no_proposal": (f"{HEAD}        return arch{END}", "contract", 4),
    "resumes": (f"{HEAD}        return Proposal(arch, resumes=7){END}", "contract", 4),
    "nothing": (f"{HEAD}        return None{END}", "nothing", 4),
    "benchmarks": ("from nasbench.benchmarks.loading import load\n", "peek", 1),
    "facade": ("import nasbench\nnasbench.load('nb201-cifar10')\n", "peek", 2),
    "facade_name": ("from nasbench import load\n", "peek", 1),
    "submodule": ("import nasbench\nnasbench.benchmarks\n", "peek", 2),
    "by_name": ("import importlib\nimportlib.import_module('nasbench.tables')\n", "peek", 2),
    "sibling": ("import leaderboard.scoring.suite\n", "peek", 1),
    "reader": ("import pyarrow.parquet\n", "peek", 1),
    "table": (
        "import nasbench, pathlib\n"
        "pathlib.Path(nasbench.__file__).with_name('data').joinpath('fcnet-naval.parquet').open()\n",
        "peek",
        2,
    ),
    "listing": (
        "import nasbench, os\nos.listdir(os.path.join(nasbench.__path__[0], 'data'))\n",
        "peek",
        2,
    ),
    "pandas": (f"import nasbench, pandas\npandas.read_parquet({TABLE})\n", "peek", 2),
    "arrow_by_library": (
        "from pandas.compat._optional import import_optional_dependency\n"
        "import_optional_dependency('pyarrow.dataset')\n",
        "peek",
        2,
    ),
    "cache": (f"{HEAD}        open('{CACHE}', 'w').write('x'){END}", "writes", 6),
    "cache_appended": (f"{HEAD}        open('{CACHE}', 'ab'){END}", "writes", 6),
    "cache_by_path": (
        f"import pathlib\n{HEAD}        pathlib.Path('{CACHE}').write_text('x'){END}",
        "writes",
        7,
    ),
    "cache_of_numpy": (
        f"import numpy\n{HEAD}        numpy.save('{CACHE}', [1]){END}",
        "writes",
        7,
    ),
    "cache_by_descriptor": (
        f"{HEAD}        import os; os.open('{CACHE}', os.O_CREAT){END}",
        "writes",
        6,
    ),
    "cache_of_sqlite": (
        f"import sqlite3\n{HEAD}        sqlite3.connect('{CACHE}'){END}",
        "writes",
        7,
    ),
    "folder": (f"{HEAD}        import os; os.mkdir('{CACHE}'){END}", "writes", 6),
    "link": (f"{HEAD}        import os; os.symlink('x', '{CACHE}'){END}", "writes", 6),
    "renamed": (f"{HEAD}        import os; os.replace(__file__, '{CACHE}'){END}", "writes", 6),
    "removed": (f"{HEAD}        import os; os.remove(__file__){END}", "writes", 6),
    "touched": (f"{HEAD}        import os; os.utime(__file__){END}", "writes", 6),
    "truncated": (f"{HEAD}        import os; os.truncate(__file__, 0){END}", "writes", 6),
    "process": ("import subprocess\nsubprocess.run(['true'])\n", "outside", 2),
    "processor": ("import platform\nplatform.processor()\n", "outside", 2),
    "shell": ("import os\nos.system('true')\n", "outside", 2),
    "network": ("import socket\nsocket.getaddrinfo('localhost', 80)\n", "outside", 2),
    "stack": (f"{HEAD}        import inspect; inspect.stack(){END}", "peek", 6),
    "frame": (f"{HEAD}        import sys; sys._getframe(1){END}", "peek", 6),
    "objects": (f"{HEAD}        import gc; gc.get_objects(){END}", "peek", 6),
    "traceback": (
        f"{HEAD}        try: 1 / 0\n"
        f"        except ZeroDivisionError as error: error.__traceback__.tb_frame{END}",
        "peek",
        7,
    ),
}
"""Source, kind of the error and line, by name."""

FINE = {
    "plain": f"{HEAD}        pass{END}",
    "prints": f"{HEAD}        print('a line'); import sys; sys.stdout.write('no JSON'){END}",
    "standard_library": (
        "import collections, dataclasses, enum, inspect, json, logging, math, typing, warnings\n"
        "import numpy as np\n"
        "from nasbench import Arch\n"
        "from nasbench.encodings import one_hot\n"
        "from nasbench.errors import IllegalArchError\n"
        "from nasbench.space import SearchSpace\n"
        "from nasbench.spaces.nb201 import NB201\n"
        "from algorithms.local.hill_climb import HillClimb\n"
        "logging.getLogger('mine').warning('from a logger, which looks at its caller')\n"
        "Point = collections.namedtuple('Point', 'x y')\n"
        "@dataclasses.dataclass\nclass Kept:\n    x: int = 0\n"
        f"{HEAD}        one_hot(self.space, [arch]); NB201().canonical((0,) * 6){END}"
    ),
    "floats": f"{HEAD}        arch = tuple(map(float, arch)){END}",
    "frames": (
        "import pandas\n"
        f"{HEAD}        frame = pandas.DataFrame({{'x': [1.0, 2.0], 'y': ['a', 'b']}})\n"
        f"        pandas.get_dummies(frame.convert_dtypes(dtype_backend='pyarrow')).describe(){END}"
    ),
    "null": (
        "import contextlib, os\n"
        f"{HEAD}        with open(os.devnull, 'w') as null, contextlib.redirect_stdout(null):\n"
        f"            print('unheard', flush=True){END}"
    ),
    "writing_library": f"import scored_writer\n{HEAD}        pass{END}",
    "main_block": (
        f"import nasbench\n{HEAD}        pass{END}"
        "if __name__ == '__main__':\n    nasbench.search(Mine, 'nb201-cifar10')\n"
    ),
}
"""Sources of honest programs."""

WRITER = """\
import os, tempfile
with tempfile.TemporaryDirectory() as folder:
    with open(os.path.join(folder, "fonts.json"), "w") as file:
        file.write("{}")
"""
"""Source of the library ``scored_writer``, which writes when it is imported."""

UNREPEATABLE = """\
from nasbench.algorithm import Algorithm, Proposal
MADE = []
class Mine(Algorithm):
    def __init__(self, space, *, fidelities, seed):
        super().__init__(space, fidelities=fidelities, seed=seed)
        MADE.append(seed)
        self.knows = len(MADE) > 1
    def ask(self):
        arch = self.space.sample(self.rng)
        return Proposal(self.space.sample(self.rng) if self.knows else arch)
    def tell(self, observation): pass
"""
"""Searches otherwise from the second search on."""

BY_HEART = """\
from nasbench.algorithm import Algorithm, Proposal
BEST = {BEST}
class Mine(Algorithm):
    def __init__(self, space, *, fidelities, seed):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.left = [a for a in BEST if len(a) == len(space.options) and a in space]
    def ask(self):
        return Proposal(self.left.pop() if self.left else self.space.sample(self.rng))
    def tell(self, observation): pass
"""
"""Proposes known good architectures, then random ones."""

LOCAL = """\
from nasbench.algorithm import Algorithm, Proposal
class Mine(Algorithm):
    def __init__(self, space, *, fidelities, seed):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.seen = []
    def ask(self):
        if len(self.seen) < 20:
            return Proposal(self.space.sample(self.rng))
        return Proposal(self.space.mutate(min(self.seen)[1], self.rng))
    def tell(self, observation):
        self.seen.append((observation.loss, observation.proposal.arch))
"""
"""A short random search, then steps from the best."""
