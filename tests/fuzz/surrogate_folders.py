"""Mutated folders of surrogates, resealed: every hash in them is right, their content is not.

``python tests/fuzz/surrogate_folders.py --cases 2000`` makes small surrogates of every regressor,
mutates them, asks them, and counts what came out. An answer is finite and possible; refused is an
error of the suite in one line; anything else is a fault and ends with exit code 1. Cases run in a
process of their own, so that one that crashes is told apart.
"""

import argparse
import hashlib
import json
import math
import multiprocessing
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.mutations import mutate_array, mutate_bytes, mutate_document, mutate_text

import nasbench
from nasbench.benchmarks.catalogue import open_table
from nasbench.benchmarks.facts import surrogate_facts
from nasbench.benchmarks.surrogate import DESCRIPTION
from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
from nasbench.benchmarks.surrogate.folder import Description, write_json
from nasbench.errors import NasbenchError
from nasbench.storage.files import file_digest, json_digest
from surrogates.examples import Examples
from surrogates.predictor import Predictor, settings

REGRESSORS: Mapping[str, dict[str, Any]] = {
    "knn": {},
    "linear": {},
    "svr": {},
    "random_forest": {"trees": 5},
    "xgb": {"rounds": 4, "depth": 3},
    "ngb": {"rounds": 4, "depth": 3, "early_stop": 0},
    "gaussian_process": {"kernels": ["one_hot"]},
    "ensemble": {"members": 2, "settings": {"rounds": 3, "depth": 2}},
    "mlp": {"epochs": 1, "width": 8, "layers": 2},
    "gin": {"epochs": 1, "hidden": 4, "layers": 2},
}
LIGHT = tuple(REGRESSORS)[:8]
"""Those that do without PyTorch."""
_TEXTS = ("title", "description", "source", "licence", "citation", "content_hash")
_N = 60
_SANE = 1e12
_PATIENCE = 120.0


def make(home: Path, regressor: str) -> Path:
    """A surrogate fitted to a few architectures, unjudged."""
    opened, values = open_table("lite201-digits"), settings(regressor, REGRESSORS[regressor])
    metadata, examples = opened.metadata, Examples.read(opened, None)
    level = examples.place(examples.objective(metadata.default_objective))
    chosen = np.random.default_rng(0).permutation(len(examples))[:_N]
    predictor = Predictor(examples.space, regressor, values, components=2, level=level)
    predictor.fit(examples.of(np.sort(chosen)))
    folder = home / regressor
    folder.mkdir()
    predictor.save(folder)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    description = Description(
        id=regressor,
        space=metadata.space,
        dataset=metadata.dataset,
        schedule=opened.schedules[-1],
        epochs=list(examples.epochs),
        columns={c.name: replace(c, epochs={}).encode() for c in examples.columns},
        default_objective=examples.objective(metadata.default_objective),
        regressor=regressor,
        family=predictor.family,
        hyperparameters=values,
        components=2,
        seed=0,
        clocked=True,
        table={
            "id": metadata.id,
            "version": metadata.version,
            "content_hash": metadata.content_hash,
            "architectures": _N,
        },
        repeated=_N,
        files={file.relative_to(folder).as_posix(): file_digest(file) for file in files},
    )
    write_json(folder / DESCRIPTION, description.encode())
    reseal(folder, json.loads((folder / DESCRIPTION).read_bytes()))
    return folder


def reseal(folder: Path, document: Any) -> None:
    """Write a description with the hashes that the files and itself have now."""
    for digest in folder.rglob("model.json"):
        model = digest.with_name("model.ubj")
        if model.exists() and b"sha256" in digest.read_bytes():
            write_json(digest, {"sha256": hashlib.sha256(model.read_bytes()).hexdigest()})
    if isinstance(document, dict):
        files = document.get("files")
        for name in files if isinstance(files, dict) else ():
            if isinstance(name, str) and name and len(name) < 200 and (folder / name).is_file():
                files[name] = file_digest(folder / name)
        kept = {key: value for key, value in document.items() if key not in (*_TEXTS, "schema")}
        document["content_hash"] = json_digest(kept | {"schema": document.get("schema")})
    try:
        text = json.dumps(document)
    except RecursionError:
        return
    (folder / DESCRIPTION).write_text(text, encoding="utf-8", errors="surrogatepass")


def mutate(rng: Random, source: Path, target: Path) -> None:
    """Copy a surrogate, change one thing in it, and mostly reseal it."""
    shutil.copytree(source, target)
    path = target / DESCRIPTION
    document = json.loads(path.read_bytes())
    files = [file for file in sorted(target.rglob("*")) if file.is_file() and file != path]
    file = rng.choice(files)
    match rng.randrange(10):
        case 0:
            path.write_bytes(mutate_text(rng, path.read_text()))
            return
        case 1 | 2 | 3:
            document = mutate_document(rng, document)
        case 4:
            document["files"] = mutate_document(rng, document["files"])
        case 5:
            values = document["hyperparameters"]
            document["hyperparameters"] = mutate_document(rng, values) if values else {"a": 1}
        case 6:
            file.unlink()
            if rng.randrange(2):
                file.symlink_to("/etc/hostname")
        case _ if file.suffix == ".npz":
            with np.load(file) as arrays:
                content = {name: arrays[name] for name in arrays.files}
            name = rng.choice(sorted(content))
            content[name] = mutate_array(rng, content[name])
            if not rng.randrange(20):
                del content[name]
            (np.savez if rng.randrange(20) else np.savez_compressed)(file, **content)
        case _:
            file.write_bytes(mutate_bytes(rng, file.read_bytes()))
    reseal(target, document)


def ask(folder: Path) -> str:
    """What comes of asking a surrogate: ``"answer"``, ``"refused"``, or what is wrong."""
    try:
        benchmark = nasbench.load(folder)
        assert isinstance(benchmark, SurrogateBenchmark)
        str(dict(surrogate_facts(benchmark)))
        repr(benchmark)
        rng = Random(0)
        archs = [benchmark.space.sample(rng) for _ in range(130)]
        found = [benchmark.query(arch) for arch in archs[:3]]
        found += [benchmark.query(arch, seed=seed) for seed, arch in enumerate(archs[:3])]
        numbers = [value for answer in found for value in answer.values()]
        numbers += [number for arch in archs[:3] for number in benchmark.evaluate(arch).losses]
        for metric in benchmark.columns:
            numbers += benchmark.query_many(np.array(archs), metric).tolist()
    except NasbenchError as error:
        return "refused" if len(str(error)) < 2_000 else f"long message: {str(error)[:200]}"
    except Exception as error:
        return f"traceback: {type(error).__name__}: {str(error)[:200]}"
    sane = all(math.isfinite(number) and abs(number) <= _SANE for number in numbers)
    return "answer" if sane else f"wrong answer: {[n for n in numbers if not abs(n) <= _SANE][:3]}"


def case(sources: list[Path], seed: int, number: int, work: Path) -> str:
    """The outcome of one case."""
    rng = Random(f"{seed}-{number}")
    source = rng.choice(sources)
    target = work / str(number) / source.name
    target.parent.mkdir(parents=True)
    try:
        mutate(rng, source, target)
        return ask(target)
    finally:
        shutil.rmtree(target.parent)


def _serve(sources: list[Path], seed: int, work: Path, pipe: Any) -> None:
    warnings.simplefilter("ignore")
    while (number := pipe.recv()) is not None:
        pipe.send(case(sources, seed, number, work))


def outcomes(sources: list[Path], seed: int, cases: int, work: Path) -> Iterator[tuple[int, str]]:
    """The outcomes of cases that run in another process, begun again after a crash."""
    context = multiprocessing.get_context("spawn")
    number = 0
    while number < cases:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(sources, seed, work, theirs), daemon=True)
        process.start()
        theirs.close()
        while number < cases:
            ours.send(number)
            try:
                outcome = ours.recv() if ours.poll(_PATIENCE) else "endless"
            except EOFError:
                outcome = "crash"
            yield number, outcome
            number += 1
            if outcome in ("endless", "crash"):
                shutil.rmtree(work / str(number - 1), ignore_errors=True)
                break
        process.kill()
        process.join()


def main() -> None:
    """Make cases and count their outcomes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--regressors", nargs="+", default=[*REGRESSORS], choices=[*REGRESSORS])
    args = parser.parse_args()
    counted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        sources = [make(home, name) for name in args.regressors]
        for number, outcome in outcomes(sources, args.seed, args.cases, home / "cases"):
            kind = outcome.partition(":")[0]
            counted[kind] += 1
            if kind not in ("answer", "refused"):
                print(f"case {number} of seed {args.seed}: {outcome}", flush=True)
    print(", ".join(f"{n:,} {kind}" for kind, n in counted.most_common()))
    sys.exit(not counted.keys() <= {"answer", "refused"})


if __name__ == "__main__":
    main()
