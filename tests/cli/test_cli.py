"""What the shell sees: exit statuses, one sentence on stderr, one JSON object on stdout, nothing written by a dry run."""

import json
from pathlib import Path

import pytest
from records import made_entry, made_run

from cytobench.cli import VERBS, main
from cytobench.errors import CytoBenchError
from cytobench.results.runs import Run

ESTIMATES = ("nsc", "nsc_compound", "nscb", "map_moa", "map_replicate")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("cli") / "runs"


@pytest.fixture
def table(tmp_path, profiles):
    profiles.to_csv(tmp_path / "table.csv", index=False)
    return tmp_path / "table.csv"


def only_json(called):
    """The one JSON object on stdout, read as strictly as any other language would."""

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(called.out, parse_constant=refuse)


def files_below(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def check_summary(summary, *, method, dataset, simulated):
    """The contract of ``--json`` (DESIGN.md): other programs rely on it."""
    assert (summary["method"], summary["dataset"], summary["simulated"]) == (method, dataset, simulated)
    assert (summary["benchmark"], summary["headline"]) == ("bbbc021-moa/1", "sphering-lw")
    assert isinstance(summary["run"], str)
    assert [entry["postprocessing"] for entry in summary["panel"]][:2] == ["raw", "zscore-plate"]
    assert len(summary["panel"]) == 13
    headline = next(entry for entry in summary["panel"] if entry["postprocessing"] == summary["headline"])
    assert headline["available"] is True
    for name in ESTIMATES:
        estimate = headline[name]
        assert set(estimate) == {"value", "low", "high", "n", "treatments", "wells", "cells"}
        assert 0 <= estimate["low"] <= estimate["value"] <= estimate["high"] <= 1
        assert estimate["n"] > 0


class TestStatus:
    """0 all done, 1 something failed, 2 wrong usage."""

    @pytest.mark.parametrize("words", ["--help", "-h", "--version", "ls", "info vae", *(f"{verb} -h" for verb in VERBS)])
    def test_success(self, cli, words):
        called = cli(*words.split())
        assert (called.status, called.err) == (0, "")
        assert called.out

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ([], "Usage: cytobench"),
            (["rnu"], "No such command 'rnu'; did you mean 'run'?"),
            (["run"], "Missing option '--method'"),
            (["run", "--method", ","], "has an empty name; separate names by single commas"),
            (["run", "--method", "random", "--seed", "-1"], "-1 is not in the range"),
            (["run", "--method", "random", "--sed", "1"], "No such option '--sed'"),
            (["ls", "nothing"], "'nothing' is not one of 'methods', 'datasets'"),
            (["info"], "Missing argument 'NAME'"),
            (["evaluate"], "Missing argument 'TABLE|RUN'"),
            (["evaluate", "x.csv", "--supervision", "some"], "'some' is not one of"),
            (["data", "import", "out"], "Missing option '--images'"),
            (["leaderboard", "compare", "one"], "Missing argument 'SECOND'"),
        ],
        ids=" ".join,
    )
    def test_wrong_usage(self, cli, words, said):
        called = cli(*words)
        assert (called.status, called.out) == (2, "")
        assert said in called.err
        assert "Traceback" not in called.err

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("info lsgna", "nothing is named 'lsgna'; did you mean 'lsgan'?"),
            ("run --method lsgna", "no method is named 'lsgna'; did you mean 'lsgan'?"),
            (
                "run --method random --dataset simulatd",
                "no data set is named 'simulatd' and no file or folder is there; did you mean",
            ),
            ("run --method random --dataset STORE --benchmark bbbc021-mao", "did you mean 'bbbc021-moa'?"),
            ("run --method random --dataset STORE --device cud", "--device cud: not a device; use auto, cpu or cuda"),
            ("run --method random --dataset STORE -o features", "-o 'features': write key=value"),
            ("run --method random --dataset STORE -o featurs=3", "unknown key 'featurs'; did you mean 'features'?"),
            (
                "run --method lsgan --dataset STORE --recipe smal",
                "lsgan has no recipe 'smal'; it has small, cytogan, gpu; did you mean 'small'?",
            ),
            ("run --method lsgan --dataset STORE -o training.stepz=1", "unknown key 'stepz' in training; did you mean 'steps'?"),
            ("run --method lsgan --dataset STORE -o input.crop_size=100", "crops of 100 px, but tiny has 64 x 64 px"),
            ("run --method random --dataset TABLE", "random embeds images, but table is a table of profiles"),
            ("run --method cell-count --dataset TABLE", "cell-count needs the number of cells in each well"),
            ("evaluate nowhere.csv", "no data set is named 'nowhere.csv' and no file or folder is there"),
            ("evaluate STORE", "score it with 'cytobench run --method NAME --dataset"),
            ("evaluate TABLE --name Name!", "the name 'Name!': use lower-case letters, digits and hyphens"),
            ("data info nowhere", "no data set is named 'nowhere' and no file or folder is there"),
            ("leaderboard compare nowhere elsewhere", "nowhere: no such file"),
            ("leaderboard add nowhere", "nowhere: not a run folder (it has no run.json); 'cytobench ls runs' lists the runs"),
        ],
    )
    def test_what_cannot_be_done_is_one_sentence(self, cli, monkeypatch, tiny_store, table, tmp_path, words, said):
        monkeypatch.chdir(tmp_path)
        places = {"STORE": tiny_store.path, "TABLE": table}
        assert said in cli(*(places.get(word, word) for word in words.split())).sentence
        assert sorted(path.name for path in tmp_path.iterdir()) == ["table.csv"]

    def test_a_traceback_only_with_debug(self, cli, monkeypatch):
        assert "Traceback" not in cli("info", "lsgna").err
        monkeypatch.setattr("sys.argv", ["cytobench", "--debug", "info", "lsgna"])
        with pytest.raises(CytoBenchError):
            main()

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (ValueError("two\nlines"), "ValueError: two lines (an unexpected error; run again with 'cytobench --debug ...' and"),
            (CytoBenchError("a.parquet: two\nlines"), "a.parquet: two lines"),
            (
                KeyboardInterrupt(),
                "interrupted; what was finished or saved is kept, and the same command does the rest",
            ),
        ],
    )
    def test_the_unexpected_is_one_line_too(self, cli, monkeypatch, error, said):
        from cytobench import catalogue

        def fail(_):
            raise error

        monkeypatch.setattr(catalogue, "methods", fail)
        called = cli("ls", "methods")
        assert (called.status, called.out) == (1, "")
        assert called.err.strip().startswith(f"cytobench: {said}")  # after ^C click first ends the line that was begun
        assert called.err.strip().count("\n") == 0


class TestListing:
    """``ls`` and ``info``."""

    @pytest.mark.parametrize(
        ("what", "column", "name"),
        [
            ("methods", "method", "lsgan"), ("datasets", "dataset", "simulated"), ("benchmarks", "benchmark", "bbbc021-moa"),
            ("recipes", "recipe", "small"),
        ],
    )  # fmt: skip
    def test_as_a_table_and_as_json(self, cli, what, column, name):
        listed = only_json(cli("ls", what, "--json"))
        assert list(listed) == [what]
        assert name in [row[column] for row in listed[what]]
        assert name in cli("ls", what).out

    def test_runs(self, cli, tmp_path):
        assert cli("ls", "runs", "--runs", tmp_path / "runs").out == "no runs\n"
        run = made_run(tmp_path / "runs", made_entry())
        (row,) = only_json(cli("ls", "runs", "--runs", tmp_path / "runs", "--json"))["runs"]
        where = {"dataset": "screen", "method": "pretend", "recipe": "default", "seed": "0"}
        assert row == {**where, "benchmark": "bbbc021-moa/1", "status": "finished", "run": str(run.path)}

    @pytest.mark.parametrize(
        ("name", "said"), [("lsgan", "10.48550/arXiv.1611.04076"), ("simulated", "drawn cells"), ("bbbc021-moa", "sphering-lw")]
    )
    def test_info(self, cli, name, said):
        assert said in cli("info", name).out

    def test_doctor(self, cli, monkeypatch):
        assert "WRONG" not in cli("doctor").out
        monkeypatch.setenv("CYTOBENCH_DATA", "/nowhere")
        called = cli("doctor")
        assert (called.status, called.err) == (1, "cytobench: something is wrong with CYTOBENCH_DATA, see above\n")
        assert "CYTOBENCH_DATA names /nowhere" in called.out


class TestRun:
    """``run``."""

    def test_one_method_prints_one_object(self, cli, tiny_store, runs):
        called = cli("run", "--method", "intensity", "--dataset", tiny_store.path, "--runs", runs, "--json")
        assert called.status == 0
        summary = only_json(called)
        check_summary(summary, method="intensity", dataset="tiny", simulated=True)
        assert called.err == ""  # a progress bar is for a terminal
        assert Run.read(Path(summary["run"])).record.status == "finished"
        assert Path(summary["run"]).parent == runs / "tiny" / "intensity"

    def test_several_methods_print_one_object(self, cli, tiny_store, runs):
        called = cli("run", "--method", "random, batch", "--dataset", tiny_store.path, "--runs", runs, "--json")
        summaries = only_json(called)["runs"]
        assert called.status == 0
        for name, summary in zip(("random", "batch"), summaries, strict=True):
            check_summary(summary, method=name, dataset="tiny", simulated=True)

    def test_the_others_are_made_where_one_fails(self, cli, tiny_store, runs):
        called = cli("run", "--method", "batch,btach,intensity", "--dataset", tiny_store.path, "--runs", runs, "--json")
        assert called.status == 1
        assert [summary["method"] for summary in only_json(called)["runs"]] == ["batch", "intensity"]
        assert "cytobench: 1 of 3 methods failed: btach: no method is named 'btach'; did you mean 'batch'?" in called.err

    def test_for_people_it_prints_a_table_and_where_things_lie(self, cli, tiny_store, runs):
        called = cli("run", "--method", "batch", "--dataset", tiny_store.path, "--runs", runs)
        assert called.status == 0
        assert called.out.startswith("SIMULATED data: these scores say nothing of real cells\nbatch on tiny, seed 0\n")
        assert "sphering-lw *" in called.out
        assert f"board: {runs / 'board.md'}" in called.out
        assert "SIMULATED" in (runs / "board.md").read_text()

    @pytest.mark.parametrize("method", ["random", "lsgan", "batch", "random,lsgan"])
    def test_a_dry_run_writes_nothing(self, cli, tiny_store, tmp_path, monkeypatch, method):
        monkeypatch.chdir(tmp_path)
        before = files_below(tiny_store.path)
        called = cli("run", "--method", method, "--dataset", tiny_store.path, "--dry-run")
        assert (called.status, called.err) == (0, "")
        assert "tiny" in called.out
        assert "time unknown" in called.out
        assert list(tmp_path.iterdir()) == []
        assert files_below(tiny_store.path) == before

    def test_a_dry_run_says_what_is_done_and_how_long_the_rest_took_elsewhere(self, cli, tiny_store, tmp_path):
        words = ["run", "--method", "batch", "--dataset", tiny_store.path, "--runs", tmp_path / "runs"]
        planned = only_json(cli(*words, "--dry-run", "--json"))
        cli(*words)
        before = files_below(tmp_path)
        again = only_json(cli(*words, "--dry-run", "--json"))
        assert [stage["cached"] for stage in planned["stages"]] == [False, False]
        assert [stage["cached"] for stage in again["stages"]] == [True, True]
        other = only_json(cli(*words, "--dry-run", "--json", "--seed", "1"))
        assert [(stage["cached"], stage["seconds"] is not None) for stage in other["stages"]] == [(False, True)] * 2
        assert planned["run"] == again["run"] != other["run"]
        assert files_below(tmp_path) == before

    def test_what_is_finished_is_not_done_again(self, cli, tiny_store, tmp_path):
        words = ["run", "--method", "batch", "--dataset", tiny_store.path, "--runs", tmp_path / "runs", "--json"]
        first = only_json(cli(*words))
        made = files_below(tmp_path / "runs" / "tiny")
        assert only_json(cli(*words)) == first
        assert files_below(tmp_path / "runs" / "tiny") == made


class TestEvaluate:
    """``evaluate``."""

    def test_a_table_prints_one_object(self, cli, table, tmp_path):
        called = cli("evaluate", table, "--name", "mine", "--runs", tmp_path / "runs", "--json")
        assert (called.status, called.err) == (0, "")
        check_summary(only_json(called), method="mine", dataset="table", simulated=False)

    def test_for_people_it_prints_the_panel(self, cli, table, tmp_path):
        called = cli("evaluate", table, "--runs", tmp_path / "runs")
        assert called.status == 0
        assert "sphering-lw *" in called.out
        assert "20 treatments of 7 compounds, 64 wells (24 controls)" in called.out

    def test_a_run_may_be_scored_again_from_any_place(self, cli, tiny_store, tmp_path):
        words = ["--runs", tmp_path / "runs", "--json"]
        made = only_json(cli("run", "--method", "batch", "--dataset", tiny_store.path, *words))
        assert only_json(cli("evaluate", made["run"], *words)) == made
        elsewhere = cli("evaluate", made["run"], "--runs", tmp_path / "elsewhere", "--json")
        assert elsewhere.status == 0, elsewhere.err
        check_summary(only_json(elsewhere), method="batch", dataset="tiny", simulated=True)
        there, here = (Run.read(Path(only_json(called)["run"])) for called in (elsewhere, cli("evaluate", made["run"], *words)))
        assert there.record.stages == here.record.stages  # what it cost is kept

    def test_a_run_whose_profiles_were_harmed_is_not_scored_again(self, cli, tiny_store, tmp_path):
        words = ["--runs", tmp_path / "runs"]
        made = only_json(cli("run", "--method", "batch", "--dataset", tiny_store.path, *words, "--json"))
        (Path(made["run"]) / "profiles.parquet").write_bytes(b"half")
        said = cli("evaluate", made["run"], "--runs", tmp_path / "elsewhere").sentence
        assert "the run is finished, but its profiles are missing or damaged; run it again" in said
        assert not (tmp_path / "elsewhere").exists()

    def test_a_supplied_table_may_be_scored_again(self, cli, table, tmp_path):
        words = ["--runs", tmp_path / "runs", "--json"]
        made = only_json(cli("evaluate", table, *words))
        again = cli("evaluate", made["run"], *words)
        assert again.status == 0, again.err
        assert only_json(again) == made

    def test_on_the_ljosa_table(self, cli, data, tmp_path):
        called = cli("evaluate", data / "ljosa2013" / "per_well_mean.csv.gz", "--runs", tmp_path / "runs", "--json")
        summary = only_json(called)
        check_summary(summary, method="per-well-mean", dataset="per_well_mean", simulated=False)
        assert summary["panel"][0]["nsc"]["n"] == 103


class TestLeaderboard:
    """``leaderboard``."""

    def test_compare_prints_one_object(self, cli, tmp_path):
        words = [made_run(tmp_path / "runs", made_entry(name)).path for name in ("a", "b")]
        compared = only_json(cli("leaderboard", "compare", *words, "--json"))
        assert (compared["difference"]["value"], compared["benchmark"]) == (0, "bbbc021-moa/1")
        assert "difference in NSC over 4 treatments: +0.000" in cli("leaderboard", "compare", *words).out

    def test_build_show_and_check(self, cli, tmp_path):
        run = made_run(tmp_path / "runs", made_entry())
        folder = ["--folder", tmp_path / "leaderboards"]
        assert "added: " in cli("leaderboard", "add", run.path, *folder).out
        assert cli("leaderboard", "build", *folder).out.count("wrote: ") == 3
        before = files_below(tmp_path)
        assert cli("leaderboard", "build", "--check", *folder).out.count("up to date: ") == 3
        assert "| pretend" in cli("leaderboard", "show", *folder).out
        assert files_below(tmp_path) == before
