"""Commands that read: list, info, query, top, draw, check."""

import json
import re
import sys

import pytest

import nasbench as package
from nasbench.benchmarks.catalogue import SHIPPED
from nasbench.cli.kinds import KINDS, number, ranges
from nasbench.registry import install
from nasbench.siblings import SIBLINGS

# --- list ----------------------------------------------------------------------------------------

TOYS = {
    120: """\
name             space  size    epochs  seeds  objectives      test  title
scores@1         nb201  2       -       -      -               no    [bold]two scores[/nope]
toy@1            nb201  15,625  1-4     3      valid_accuracy  yes
toy-classes@1    nb201  15,625  1-4     2      valid_accuracy  yes
toy-schedules@1  nb201  15,625  2, 4    3      valid_accuracy  yes
toy-test@1       nb201  15,625  1-4     3      -               yes
""",
    80: """\
name             space  size    epochs  seeds  objectives      test
scores@1         nb201  2       -       -      -               no
  [bold]two scores[/nope]
toy@1            nb201  15,625  1-4     3      valid_accuracy  yes
toy-classes@1    nb201  15,625  1-4     2      valid_accuracy  yes
toy-schedules@1  nb201  15,625  2, 4    3      valid_accuracy  yes
toy-test@1       nb201  15,625  1-4     3      -               yes
""",
    40: """\
scores@1
  [bold]two scores[/nope]
  space nb201, size 2, test no
toy@1
  space nb201, size 15,625, epochs 1-4,
  seeds 3, objectives valid_accuracy,
  test yes
toy-classes@1
  space nb201, size 15,625, epochs 1-4,
  seeds 2, objectives valid_accuracy,
  test yes
toy-schedules@1
  space nb201, size 15,625, epochs 2, 4,
  seeds 3, objectives valid_accuracy,
  test yes
toy-test@1
  space nb201, size 15,625, epochs 1-4,
  seeds 3, test yes
""",
}


@pytest.fixture
def toys(nasbench, toy_files, cell, monkeypatch, tmp_path):
    """The toy tables, a table of scores and a file that is no table are all benchmarks."""
    folder = tmp_path / "home"
    folder.mkdir()
    for path in toy_files["plain"].parent.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    other = cell.replace("skip_connect", "none")
    (tmp_path / "mine.csv").write_text(f"cell,slow\n{cell},3.25\n{other},1\n")
    options = ("--id", "scores", "--space", "nb201", "--arch", "cell", "--per-arch", "x=slow")
    title = ("--title", "[bold]two scores[/nope]")
    assert nasbench("import", "table", "mine.csv", *options, *title)[0] == 0
    (folder / "broken.parquet").write_bytes(b"no table")
    monkeypatch.setattr("nasbench.benchmarks.catalogue.folders", lambda: [folder])
    return folder


@pytest.mark.parametrize("width", TOYS)
def test_benchmarks_in_terminals_of_all_widths(nasbench, toys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    (toys / "broken.parquet").unlink()
    assert nasbench("list") == (0, TOYS[width], "")


def test_benchmarks_as_data(nasbench, toys):
    found = json.loads(nasbench("list", "--json")[1])
    names = [line.split()[0] for line in TOYS[120].splitlines()[1:]]
    assert list(found) == ["broken.parquet", *names]
    assert "is not a readable Parquet file" in found["broken.parquet"]["error"]
    assert found["toy-schedules@1"] == {
        "kind": "table",
        "space": "nb201",
        "size": 15_625,
        "epochs": [2, 4],
        "seeds": [0, 1, 2],
        "objectives": ["valid_accuracy"],
        "test": True,
        "title": "",
        "file": str(toys / "toy-schedules.parquet"),
    }
    assert found["scores@1"]["kind"] == "numbers of architectures"


def test_the_home_folder_comes_first(nasbench, tmp_path):
    (tmp_path / "home").mkdir()
    for name in ("nb201-cifar10.parquet", "nb201-cifar10.archs.parquet"):
        (tmp_path / "home" / name).write_bytes((SHIPPED / name).read_bytes())
    place = str(tmp_path / "home" / "nb201-cifar10.parquet")
    assert json.loads(nasbench("info", "nb201-cifar10", "--json")[1])["file"] == place
    assert json.loads(nasbench("list", "--json")[1])["nb201-cifar10@1"]["file"] == place


def test_surrogates_answer_any_seed(nasbench):
    code, out, _ = nasbench("list")
    (line,) = [line for line in out.splitlines() if line.startswith("darts-fashion-surrogate@3 ")]
    assert (code, line.split()[1:7]) == (
        0,
        ["darts", "1.1e18", "1-4", "any", "valid_accuracy", "yes"],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_list_has_a_line_for_each_thing_without_markup(nasbench, kind):
    things = json.loads(nasbench("list", kind, "--json")[1])
    code, out, error = nasbench("list", kind)
    head, *lines = out.splitlines()
    assert (code, error.count("\n")) == (0, kind == "algorithms")
    assert head.split() == ["name", *KINDS[kind].facts, KINDS[kind].texts[0]]
    assert [line.split("  ")[0] for line in lines] == list(things)
    assert "``" not in out
    assert not re.search(r":[a-z]+:`", out)
    for name, thing in things.items():
        assert "error" not in thing, name
        for text in KINDS[kind].texts:
            assert thing[text].strip(), name
            assert thing[text] in out


TASK_PLAN = """\
id = "tiny-recall"
[recipe]
network = "seqmix"
width = 8
heads = 1
train = 16
valid = 12
test = 12
epochs = 2
batch = 8
task = { name = "recall", length = 16, pairs = 4, queries = 4, keys = 32, values = 32 }
"""


def test_a_plan_of_a_task_is_listed_with_what_it_trains_on(nasbench, monkeypatch, tmp_path):
    pytest.importorskip("torch")
    path = tmp_path / "tiny-recall.toml"
    path.write_text(TASK_PLAN)
    monkeypatch.setattr("data_builders.plan.shipped", lambda: {path.stem: path})
    (plan,) = json.loads(nasbench("list", "plans", "--json")[1]).values()
    assert (plan["network"], plan["dataset"]) == ("seqmix", "recall")


@pytest.mark.parametrize("kind", ["algorithms", "spaces", "networks", "importers", "regressors"])
def test_everything_registered_is_listed(nasbench, kind):
    assert list(json.loads(nasbench("list", kind, "--json")[1])) == list(SIBLINGS.load(kind))


def test_an_algorithm_has_its_folder_and_presets(nasbench):
    found = json.loads(nasbench("list", "algorithms", "--json")[1])
    assert found["reinforce_lstm"] == {
        "family": "reinforcement",
        "summary": "An LSTM controller trained by REINFORCE, as in NAS-RL (Zoph and Le, 2017).",
        "presets": ["nas_rl", "enas"],
        "missing_extras": [],
    }
    assert found["random_search"]["family"] == ""
    _, out, error = nasbench("list", "algorithms")
    assert "pymoo, smac, synetune, as PACKAGE:CLASS, such as optuna:TPESampler" in error
    assert "as in NAS-RL (Zoph and Le, 2017). Presets: nas_rl, enas.\n" in out
    assert "not installed" not in out


def test_what_is_not_installed_is_described_all_the_same(nasbench, monkeypatch):
    for package_name in ("torch", "xgboost"):
        monkeypatch.setitem(sys.modules, package_name, None)
    out = nasbench("list", "algorithms")[1]
    note = "Presets: nas_rl, enas. Needs an extra that is not installed: 'torch'."
    assert f"as in NAS-RL (Zoph and Le, 2017). {note}\n" in out
    assert (
        "Presets: nb301. Needs an extra that is not installed: 'surrogates'."
        in nasbench("list", "regressors")[1]
    )


def test_numbers_and_ranges_are_short():
    assert [number(n) for n in (None, 0, 15_625, 10**12 - 1, 10**18)] == [
        "unknown", "0", "15,625", "999,999,999,999", "1.0e18",
    ]  # fmt: skip
    given = ([], [200], [12, 200], [1, 2, 3], [4, 12, 36, 108], [1, 2, 4, 8, 16])
    assert list(map(ranges, given)) == [
        "", "200", "12, 200", "1-3", "4, 12, 36, 108", "5 in 1-16",
    ]  # fmt: skip


def test_an_unknown_list(refused):
    assert "did you mean 'algorithms'" in refused("list", "algoritms")
    assert "did you mean '--json'" in refused("list", "--jsno")


# --- info ----------------------------------------------------------------------------------------


def test_info_of_a_benchmark(nasbench, toys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    code, out, _ = nasbench("info", "toy")
    assert code == 0
    assert out.startswith("id            toy@1\nspace         nb201 (15,625 architectures)\n")
    assert "\n\ncolumn              unit  split  meaning\ntrain_loss          nat   train\n" in out
    found = json.loads(nasbench("info", "toy", "--json")[1])
    assert found["columns"]["seconds"] == {"unit": "s", "goal": "min"}
    assert nasbench("info", str(toys / "toy.parquet"))[1] == out
    assert "any integer" in nasbench("info", str(SHIPPED / "darts-fashion-surrogate"))[1]


def test_info_of_an_algorithm(nasbench, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, error = nasbench("info", "regularized_evolution")
    assert (code, error) == (0, "")
    for line in (
        "algorithm      regularized_evolution",
        "paper          Regularized (aging) evolution (Real et al., 2019,",
        "family         evolution",
        "fidelities     Epochs on offer; only the last is used.",
        "objectives     the first only",
        "known numbers  not used",
        "hyperparameter  default  meaning",
        "population      100      Population size.",
        'mutation        "one"    "one": one decision changes. "notebook": every edge',
        "identity        0.0      Probability that a child is an exact copy of its",
        "preset          settings",
        'naszilla        population=29, sample=10, initial=10, mutation="naszilla"',
    ):
        assert f"{line}\n" in out
    assert "amoebanet from the paper" in " ".join(out.split())
    found = json.loads(nasbench("info", "regularized_evolution", "--json")[1])
    assert found["hyperparameters"]["sample"] == {
        "default": 10,
        "description": "Tournament size: the best of this many members becomes the parent.",
    }
    assert found["presets"]["naslib"] == {"population": 30, "sample": 10}


@pytest.mark.parametrize("kind", ["algorithms", "regressors"])
def test_every_hyperparameter_of_everything_is_described(nasbench, kind):
    for name in SIBLINGS.load(kind):
        found = json.loads(nasbench("info", name, "--json")[1])
        assert found[kind.removesuffix("s")] == name
        assert found["summary"] in nasbench("info", name)[1]
        for hyperparameter, about in found["hyperparameters"].items():
            assert about.keys() == {"default", "description"}
            assert about["description"], f"{name}: {hyperparameter}"
        for settings in found["presets"].values():
            assert settings.keys() <= found["hyperparameters"].keys()


def test_known_numbers_and_objectives(nasbench):
    found = json.loads(nasbench("info", "lemonade", "--json")[1])
    assert (found["objectives"], found["known numbers"]) == (
        "all",
        "Cheap numbers of an architecture.",
    )
    found = json.loads(nasbench("info", "bohb", "--json")[1])
    assert "Rungs" in found["fidelities"]
    assert "resumable" not in found["hyperparameters"]


def test_info_of_what_is_not_installed(nasbench, monkeypatch):
    before = json.loads(nasbench("info", "reinforce_lstm", "--json")[1])
    module = "algorithms.reinforcement.reinforce_lstm"
    for name in [name for name in sys.modules if name.startswith("algorithms.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    found = json.loads(nasbench("info", "reinforce_lstm", "--json")[1])
    assert found.pop("not installed") == install(["torch"])
    for about in before["hyperparameters"].values():
        del about["default"]
    assert found == before
    assert found["class"] == f"{module}:ReinforceLSTM"


def test_info_of_a_space(nasbench, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    code, out, _ = nasbench("info", "nb201")
    assert code == 0
    assert "architectures  15,625\n" in out
    assert "edge 0->1  categorical  5        none, skip_connect, nor_conv_1x1, nor_conv_3x3" in out
    assert "edge 2->3  categorical  5        as edge 0->1\n" in out
    found = json.loads(nasbench("info", "nb201", "--json")[1])
    assert found["architectures"] == 15_625
    assert found["decisions"][5]["options"][4] == "avg_pool_3x3"
    space = SIBLINGS.load("spaces").load("nb201")()
    assert space.from_text(found["example"]) in space


OWN = """
from nasbench.algorithm import Algorithm

class Mine(Algorithm):
    '''Does nothing.

    Args:
        depth: How little.
    '''

    def __init__(self, space, *, fidelities, seed, depth, width=None, names=("a", 0.5)):
        super().__init__(space, fidelities=fidelities, seed=seed)

    def ask(self): ...
    def tell(self, observation): ...
"""


def test_info_of_a_class_of_ones_own(nasbench, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_algorithm.py").write_text(OWN)
    code, out, error = nasbench("info", "own_algorithm:Mine")
    assert (code, error) == (0, "")
    assert out == (
        "algorithm      own_algorithm:Mine\n"
        "summary        Does nothing.\n"
        "objectives     the first only\n"
        "known numbers  not used\n"
        "class          own_algorithm:Mine\n"
        "\n"
        "hyperparameter  default     meaning\n"
        "depth           -           How little.\n"
        "width           None\n"
        'names           ["a", 0.5]\n'
    )


@pytest.fixture
def plug_ins(tmp_path, monkeypatch):
    """A distribution with an algorithm and a broken space."""
    (tmp_path / "own_algorithm.py").write_text(OWN)
    (tmp_path / "own_space.py").write_text("1 / 0")
    about = tmp_path / "toy_nas-1.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: toy-nas\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(
        "[nasbench.algorithms]\nmine_alone = own_algorithm:Mine\n"
        "[nasbench.spaces]\nbroken_space = own_space:Broken\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("own_algorithm", None)


def test_plug_ins_are_listed_with_their_origin(nasbench, plug_ins):
    out = nasbench("list", "algorithms")[1]
    assert out.splitlines()[-1].split(maxsplit=2) == [
        "mine_alone", "-", "Does nothing. From toy-nas 1.2.",
    ]  # fmt: skip
    found = json.loads(nasbench("list", "spaces", "--json")[1])["broken_space"]
    assert found == {
        "error": "cannot import 'own_space' for the search space 'broken_space' of "
        "toy-nas 1.2: ZeroDivisionError: division by zero",
        "origin": "toy-nas 1.2",
    }
    code, out, error = nasbench("info", "mine_alone")
    assert (code, error) == (0, "")
    assert "class          own_algorithm:Mine\n" in out


@pytest.mark.parametrize(
    "command", [("info", "mine_alon"), ("run", "mine_alon", "nb201-cifar10", "--trials", "1")]
)
def test_plug_ins_are_guessed(refused, plug_ins, command):
    assert "did you mean 'mine_alone'?" in refused(*command)


@pytest.mark.parametrize("kind", KINDS)
def test_no_list_shows_markup_of_documentation(nasbench, kind):
    code, out, _ = nasbench("list", kind)
    assert code == 0
    assert not re.search(r"`|\*\*|::|:[a-z]+:|\]\(|\.\. [a-z]", out)


def test_a_name_of_two_things_is_refused_with_both_of_their_other_names(refused, tmp_path):
    (tmp_path / "home").mkdir()
    for name in ("nb201-cifar10.parquet", "nb201-cifar10.archs.parquet"):
        twin = name.replace("nb201-cifar10", "random_search")
        (tmp_path / "home" / twin).write_bytes((SHIPPED / name).read_bytes())
    error = refused("info", "random_search")
    assert "is a benchmark and the algorithm algorithms.random_search:RandomSearch" in error
    assert "'random_search@1'" in error


UNKNOWN = {
    "algorithm": (("info", "random_serch"), "did you mean 'random_search'"),
    "benchmark": (("info", "nb201-cifar11"), "did you mean 'nb201-cifar10'"),
    "space": (("info", "nb20"), "did you mean 'nb201'"),
    "version": (("info", "nb201-cifar10@9"), "has no version '9'"),
    "module": (("info", "nowhere:Class"), "'nowhere'"),
    "other class": (("info", "nasbench.errors:NasbenchError"), "is not an algorithm, a regressor"),
    "nothing like it": (("info", "xxxxxxxx"), "no benchmark, algorithm, regressor or space"),
}


@pytest.mark.parametrize(("arguments", "expected"), UNKNOWN.values(), ids=UNKNOWN)
def test_info_of_nothing(refused, arguments, expected):
    assert expected in refused(*arguments)


def test_info_gives_metadata_of_a_table_for_search_engines(nasbench, toy_files):
    from nasbench.tables.cards.croissant import croissant

    code, out, error = nasbench("info", str(toy_files["plain"]), "--croissant")
    assert (code, error) == (0, "")
    assert json.loads(out) == croissant(package.load(toy_files["plain"]).table)


def test_info_gives_the_card_of_a_table(nasbench, toy_files):
    from nasbench.tables.cards.card import card

    code, out, error = nasbench("info", str(toy_files["plain"]), "--card")
    assert (code, error) == (0, "")
    assert out == card(package.load(toy_files["plain"]).table)


@pytest.mark.parametrize("option", ["--croissant", "--card"])
def test_only_tables_have_metadata_for_others(refused, option):
    assert "no benchmark is called 'random_search'" in refused("info", "random_search", option)
    assert "is a surrogate" in refused("info", "darts-fashion-surrogate", option)
    assert "exclude each other" in refused("info", "nb201-cifar10", option, "--json")


# --- query and check -----------------------------------------------------------------------------

QUERY = ("query", "nb201-cifar10")
CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
)
BAD = {
    "unknown benchmark": (("query", "nb201-cifar11", CELL), "did you mean 'nb201-cifar10'"),
    "unknown version": (("query", "nb201-cifar10@9", CELL), "has no version '9'"),
    "malformed architecture": ((*QUERY, "|conv~0|"), "its form is"),
    "unknown operation": (
        (*QUERY, CELL.replace("skip_connect", "skip_conect")),
        "did you mean 'skip_connect'",
    ),
    "too many numbers": ((*QUERY, "1,2,3"), "6 integers are needed"),
    "option out of range": ((*QUERY, "1,2,3,4,5,6"), "possible are 0..4"),
    "superscript architecture": ((*QUERY, "²,1,1,1,1,1"), "its form is"),
    "thousands of digits": ((*QUERY, "1,1,1,1,1," + "9" * 5000), "its form is"),
    "epoch not recorded": ((*QUERY, CELL, "--epoch", "12"), "did you mean 200"),
    "epoch not a number": ((*QUERY, CELL, "--epoch", "last"), "--epoch last"),
    "seed not recorded": ((*QUERY, CELL, "--seed", "777"), "Possible: '0', '1'"),
    "no such table": (("check", "missing.parquet"), "missing.parquet"),
}


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_bad_questions(refused, arguments, expected):
    assert expected in refused(*arguments)


def test_query_prints_what_the_api_answers(nasbench, cell):
    code, out, _ = nasbench("query", "nb201-cifar10", cell, "--json")
    assert code == 0
    answer = package.load("nb201-cifar10").query(cell)
    assert json.loads(out) == answer | answer.texts
    assert nasbench("query", "nb201-cifar10", "3,3,4,1,3,1", "--json")[1] == out
    printed = nasbench("query", "nb201-cifar10", cell)[1]
    assert "valid_accuracy    90.76933 %" in printed
    assert f"published_string  {answer['published_string']}" in printed


def test_many_decisions_are_given_as_numbers_too(nasbench):
    numbers = ", ".join(["1"] * 22)
    code, out, _ = nasbench("query", "darts-fashion-surrogate", numbers, "--seed", "1")
    assert code == 0
    assert "valid_accuracy" in out


def test_check_names_the_hash(nasbench, toys):
    code, out, _ = nasbench("check", "toy")
    assert code == 0
    hash_ = package.load("toy").content_hash
    assert out == f"toy@1: 14 runs, content hash {hash_}: ok\n"
    assert nasbench("check", "scores")[1].startswith("scores@1: 2 architectures, content hash ")
    surrogate = str(SHIPPED / "darts-fashion-surrogate")
    assert " files, content hash " in nasbench("check", surrogate)[1]


@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense PAR1", b"x" * 5000])
def test_an_unreadable_table_is_refused(refused, tmp_path, content):
    (tmp_path / "broken.parquet").write_bytes(content)
    assert "broken.parquet is not a readable Parquet file" in refused("check", "broken.parquet")


def test_top_prints_the_best(nasbench, toy_home):
    code, out, _ = nasbench("top", str(toy_home / "toy.parquet"), "-n", "2")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "toy@1: highest valid_accuracy, mean of the seeds"
    assert [line.split()[:6] for line in lines if ",4,4" in line or ",3,2" in line] == [
        ["1", "4,4,4,4,4,4", "56.00", "±", "2.83", "2"],
        ["2", "3,3,3,1,3,2", "36.00", "±", "2.00", "3"],
    ]
    assert "5 architectures are ranked; ± is the standard deviation over the seeds." in lines
    assert "1 have no value: a training diverged or is not recorded." in lines


def test_top_prints_json(nasbench, toy_home):
    _, out, _ = nasbench("top", str(toy_home / "toy.parquet"), "-n", "1", "--json")
    (entry,) = json.loads(out)
    assert entry["arch"] == [4, 4, 4, 4, 4, 4]
    assert entry["text"].startswith("|avg_pool_3x3~0|")
    assert entry["costs"]["parameters"] == 600


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("top", "nb201-cifar10", "--by", "valid_acuracy"), "did you mean 'valid_accuracy'"),
        (("top", "darts-fashion-surrogate"), "is a surrogate"),
        (("top", "nb201-cifar10", "-n", "0"), "0"),
        (("draw", "3,3,4,1,3,9", "--space", "nb201"), "possible are 0..4"),
        (("draw", "3,3,4,1,3,1", "--space", "nb20"), "did you mean 'nb201'"),
        (("draw", "hello"), "no space: add --space"),
        (("draw", "3,3", "--space", "nb201", "--benchmark", "nb201-cifar10"), "one of them"),
        (("draw", "3,3,4,1,3,1", "--out", "/proc/cell.svg"), "cannot write"),
        (("draw", "3,3,4,1,3,1", "--out", "cell.png"), "must end in .svg"),
        (("draw", "3,3,4,1,3,1", "--out", ""), "the path is empty"),
    ],
)
def test_what_cannot_be_listed_or_drawn(refused, arguments, expected):
    assert expected in refused(*arguments)


def test_draw_finds_the_space_of_every_notation(nasbench, cell, tmp_path):
    code, out, _ = nasbench("draw", cell, "--out", "cell.svg")
    assert (code, out) == (0, "cell.svg\n")
    drawn = (tmp_path / "cell.svg").read_text()
    for arguments in (
        ("3,3,4,1,3,1",),
        (cell, "--space", "nb201"),
        (cell, "--benchmark", "nb201-cifar10"),
    ):
        assert nasbench("draw", *arguments)[1] == drawn


def test_explore_writes_a_page_for_each_space(nasbench, toy_files, refused, tmp_path):
    code, out, error = nasbench("explore", str(toy_files["plain"]), "--out", "pages")
    assert code == 0, error
    page = tmp_path / "pages/explore-nb201.html"
    assert out == f"Page: {page}\n"
    page.write_text("my home page")
    assert "never replaced" in refused("explore", str(toy_files["plain"]), "--out", "pages")
    assert page.read_text() == "my home page"
    assert "did you mean 'nb201-cifar10'" in refused("explore", "nb201-cifar1", "--out", "none")
