import pytest

from data_builders import IMPORTERS
from data_builders.importers.parts import alone
from nasbench.errors import InvalidArgumentError


def test_one_import_at_a_time_uses_blocks(tmp_path):
    with alone(tmp_path / "work" / "nb101"), alone(tmp_path / "work" / "nb301"):
        with (
            pytest.raises(InvalidArgumentError, match=r"another import uses .*nb101.*--work"),
            alone(tmp_path / "work" / "nb101"),
        ):
            pass
        assert not (tmp_path / "work" / "nb101").exists()
    assert not list((tmp_path / "work").iterdir())


def test_two_imports_of_one_archive_do_not_meet(official, tmp_path):
    archive = official.folder(tmp_path / "archive", "tss", official.records("tss", [7]))
    importer, work = IMPORTERS.load("nats")(), tmp_path / "work"
    first = importer.tables([archive], work=work)
    next(first)
    with pytest.raises(InvalidArgumentError, match="another import uses"):
        next(importer.tables([archive], work=work))
    assert len(list(first)) == 3
    assert len(list(importer.tables([archive], work=work))) == 4
