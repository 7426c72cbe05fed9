import shutil
from dataclasses import replace

import pytest

from nasbench.benchmarks.catalogue import SHIPPED, open_table
from nasbench.tables.cards.card import card


def head(text):
    yaml = pytest.importorskip("yaml", reason="needs pyyaml, which the extra dev installs")
    _, found, _ = text.split("---\n", 2)
    return yaml.safe_load(found)


def test_the_head_says_licence_size_and_files():
    assert head(card(open_table("lite201-digits"))) == {
        "pretty_name": "lite201 on digits, trained by this suite",
        "license": "apache-2.0",
        "tags": ["neural-architecture-search", "automl", "benchmark", "tabular"],
        "size_categories": ["10K<n<100K"],
        "configs": [
            {"config_name": "trainings", "data_files": "lite201-digits.parquet"},
            {"config_name": "architectures", "data_files": "lite201-digits.archs.parquet"},
        ],
    }


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("", {"license": "unknown"}),
        ("CC-BY-4.0", {"license": "cc-by-4.0"}),
        ('ask "me"', {"license": "other", "license_name": 'ask "me"'}),
    ],
)
def test_any_licence_can_be_said(content, tmp_path, licence, said):
    toy = content()
    metadata = replace(toy.metadata, licence=licence, title="a: [b]\n---\nc")
    table = open_table(replace(toy, metadata=metadata).write(tmp_path / "toy.parquet"))
    found = head(card(table))
    assert {name: text for name, text in found.items() if name.startswith("license")} == said
    assert found["pretty_name"] == metadata.title
    assert found["size_categories"] == ["n<1K"]


def test_the_body_describes_every_column():
    table = open_table("fcnet-protein")
    text = card(table)
    for path, schema in table.files:
        assert path.name in text
        for name in schema.names:
            assert (f"| `{name}` |" in text) != name.endswith("@final")
    assert table.metadata.citation in text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_datasets_reads_a_folder_by_its_card_and_a_file_by_its_path(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    package = pytest.importorskip("datasets", reason="needs datasets, which the extra dev installs")
    folder, cache = tmp_path / "digits", str(tmp_path / "cache")
    folder.mkdir()
    table = open_table("lite201-digits")
    for path, _ in table.files:
        shutil.copy(path, folder)
    (folder / "README.md").write_text(card(table), encoding="utf-8")
    found = package.load_dataset(str(folder), "trainings", split="train", cache_dir=cache)
    assert found.num_rows == len(table.seed)
    assert found[5]["valid_accuracy"] == table.curves("valid_accuracy", 8)[5].tolist()
    archs = package.load_dataset(str(folder), "architectures", split="train", cache_dir=cache)
    assert archs["parameters"][:3] == table.arch_numbers("parameters")[:3].tolist()
    one = package.load_dataset(
        "parquet", data_files=str(SHIPPED / "nb201-cifar10.parquet"), cache_dir=cache
    )
    assert one["train"].num_rows == len(open_table("nb201-cifar10").seed)
