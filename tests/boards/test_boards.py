"""Boards: real and simulated apart, controls unranked, names harmless, files never stale in silence."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest
from records import SCORED, made_entry, made_run

from cytobench.boards import build as build_module
from cytobench.boards.build import build, refresh_run_board
from cytobench.boards.compare import compare
from cytobench.boards.entries import add_runs, entries_of_runs, entries_of_scores, read_entry
from cytobench.boards.figures import draw_board
from cytobench.boards.render import as_csv, as_json, escape, markdown
from cytobench.boards.rows import Board, make_boards
from cytobench.errors import CytoBenchError
from cytobench.files import locked, write_text
from cytobench.results.record import Origin, Unseen
from cytobench.results.schema import Difference, Estimate
from cytobench.schema import dump_json

TRAINED = {"input": "wells", "trained": True}
TWIN = made_entry("gan", **TRAINED, untrained=True)
GOOD, FAIR, BAD = (1.0, 1.0, 1.0, 1.0), (1.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def leaderboards(tmp_path):
    """A leaderboards folder; ``leaderboards(entry, ...)`` adds score files and returns it."""
    folder = tmp_path / "leaderboards"

    def add(*entries):
        for entry in entries:
            write_text(folder / "scores" / entry.file, dump_json(entry))
        return folder

    return add


class TestRows:
    """Who stands where."""

    @pytest.mark.parametrize(
        "change",
        [{"simulated": True}, {"dataset_identity": "e" * 64}, {"benchmark": "bbbc021-moa/2"}],
        ids=lambda change: next(iter(change)),
    )
    def test_what_cannot_be_compared_never_shares_a_board(self, change):
        boards = make_boards([made_entry("a"), made_entry("b", **change), made_entry("c")])
        assert sorted([row.method for row in board.rows] for board in boards) == [["a", "c"], ["b"]]
        assert all(row.rank in (1, 2) for board in boards for row in board.rows)

    def test_real_data_come_first(self):
        boards = make_boards([made_entry(dataset="a", simulated=True), made_entry(dataset="z")])
        assert [(board.dataset, board.simulated) for board in boards] == [("z", False), ("a", True)]

    def test_the_same_wells_under_two_names_share_a_board(self):
        (board,) = make_boards([made_entry("a", dataset="second"), made_entry("b", dataset="first")])
        assert board.dataset == "first, second"

    def test_equal_scores_have_equal_ranks(self):
        (board,) = make_boards([made_entry("a", GOOD), made_entry("b", FAIR), made_entry("c", FAIR), made_entry("d", BAD)])
        assert [row.rank for row in board.rows] == [1, 2, 2, 4]

    def test_weights_that_were_given_are_shown(self):
        (board,) = make_boards([made_entry("net", given={"weights": "ab" * 32, "keymap": "cd" * 32}), made_entry("other")])
        assert {row.method: row.weights and row.weights.sha256 for row in board.rows} == {"net": "ab" * 32, "other": None}

    def test_two_recipes_of_a_method_are_told_apart(self, leaderboards):
        each, rgb = (made_entry("net", recipe_name="small", overrides=o, seed=len(o)) for o in ((), ("channels=rgb",)))
        (board,) = make_boards([each, rgb, made_entry("other", recipe_name="small")])
        assert {row.name for row in board.rows} == {"net, small", "net, small + channels=rgb", "other"}
        assert {row.method for row in board.rows} == {"net", "other"}
        folder = leaderboards(each, rgb)
        build(folder)
        assert "| net, small + channels=rgb |" in re.sub(" +", " ", (folder / "board.md").read_text())

    def test_the_order_is_that_of_the_headline_score(self):
        (board,) = make_boards([made_entry("fair", FAIR), made_entry("bad", BAD), made_entry("good", GOOD)])
        assert [(row.rank, row.method) for row in board.rows] == [(1, "good"), (2, "fair"), (3, "bad")]

    @pytest.mark.parametrize(
        "change",
        [{"kind": "control"}, {"supervision": "moa"}, {"supervision": "not stated"}, {"untrained": True, "trained": True}],
        ids=["control", "moa", "not stated", "untrained"],
    )  # fmt: skip
    def test_who_is_shown_and_not_ranked(self, change):
        (board,) = make_boards([made_entry("best", GOOD, **change), made_entry("ranked", FAIR)])
        assert [(row.rank, row.method.split()[0]) for row in board.rows] == [(None, "best"), (1, "ranked")]
        assert (board.rows[0].kind == "control") == ("supervision" not in change)

    @pytest.mark.parametrize("supervision", ["none", "imagenet", "treatment"])
    def test_other_supervision_is_ranked_and_said(self, supervision):
        (board,) = make_boards([made_entry(supervision=supervision)])
        assert (board.rows[0].rank, board.rows[0].supervision) == (1, supervision)
        assert f"| {supervision}" in markdown([board], "B")

    def test_without_a_headline_score_there_is_no_rank(self):
        entry = made_entry("none")
        panel = entry.scores.panel[-1].model_copy(update={"available": False, "reason": "no DMSO | well", "nsc": None})
        lost = entry.model_copy(update={"scores": entry.scores.model_copy(update={"panel": (entry.scores.panel[0], panel)})})
        (board,) = make_boards([lost, made_entry("some", BAD)])
        assert [(row.rank, row.method) for row in board.rows] == [(1, "some"), (None, "none")]
        assert "not available: no DMSO \\| well" in markdown([board], "B")

    def test_the_range_is_over_the_whole_panel(self):
        (board,) = make_boards([made_entry(correct=FAIR)])
        assert (board.rows[0].panel_low, board.rows[0].panel_high) == (0.4, 0.5)

    @pytest.mark.parametrize(
        ("entries", "missing"),
        [
            ([made_entry(input="wells")], ("batch",)),
            ([made_entry()], ("batch", "intensity", "random", "random-network")),
            (
                [made_entry(), made_entry("random", kind="control"), made_entry("batch", kind="control")],
                ("intensity", "random-network"),
            ),
            ([made_entry(input="wells"), made_entry("batch", kind="control", supplied=True, input="wells")], ("batch",)),
            ([made_entry(input="wells", all_cells_counted=True)], ("batch", "cell-count")),
            ([made_entry("gan", **TRAINED)], ("batch", "gan (untrained), recipe default, seed 0")),
            (
                [made_entry("gan", **TRAINED, seed=3), made_entry("gan", **TRAINED, untrained=True)],
                ("batch", "gan (untrained), recipe default, seed 3"),
            ),
            ([made_entry("gan", **TRAINED, twin_folder=TWIN.run.folder.as_posix()), TWIN], ("batch",)),
        ],
    )  # fmt: skip
    def test_controls_that_are_missing_are_said(self, entries, missing):
        (board,) = make_boards(entries)
        assert board.missing_controls == missing
        assert f"Controls still missing here: {missing[0]}" in markdown([board], "B")

    def test_a_control_of_one_board_does_not_count_on_another(self):
        entries = [made_entry(), *(made_entry(name, simulated=True) for name in ("batch", "random"))]
        assert "random" in make_boards(entries)[0].missing_controls


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"), ("a\nb\r\n\tc", "a b c"), ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("[x](y)", "\\[x\\](y)"), ("`a` *b* _c_", "\\`a\\` \\*b\\* \\_c\\_"), ("a & b \\", "a &amp; b \\\\"),
        ("plain-name", "plain-name"),
    ],
)  # fmt: skip
def test_names_are_made_harmless(text, shown):
    assert escape(text) == shown


EVIL = "x|y\n<b>z"


def test_a_board_of_evil_names_is_still_a_table():
    (board,) = make_boards([made_entry(dataset=EVIL, recipe_name=EVIL)])
    page = markdown([board.model_copy(update={"missing_controls": (EVIL,)})], "B")
    assert "<b>" not in page
    assert f"](pictures/x-y-b-z-{'d' * 8}-bbbc021-moa-1.svg)" in page
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert len(table) == 3
    assert {line.replace("\\|", "").count("|") for line in table} == {table[0].count("|")}
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        f"## x\\|y &lt;b&gt;z ({'d' * 8}), bbbc021-moa/1, headline sphering-lw"
    ]


def test_a_board_of_evil_names_can_be_drawn_and_equal_boards_give_equal_pictures():
    (board,) = make_boards([made_entry(dataset="$^$ <b> & c")])
    assert "$^$ &lt;b&gt; &amp; c" in draw_board(board)
    assert draw_board(board) == draw_board(board)


def with_weights(name, weights, **origin):
    """An entry of a trained method with these weights; ``origin`` says where they came from."""
    facts = {"where": "x", "trained_further": False, "cells_seen": 1, "channels": (), "size": 64, "conditions": ()}
    stages = {"score": SCORED, "train": SCORED.model_copy(update={"outputs": {"weights.safetensors": weights}})}
    return made_entry(name, **TRAINED, stages=stages, origin=Origin(**facts | origin) if origin else None)


OWN, OTHERS = "0123456789abcdef" * 4, "fedcba9876543210" * 4
ADDRESS = "https://example.org/c.zip"


class TestWeights:
    """Which weights a row scored, and where they are published."""

    @pytest.mark.parametrize(
        ("origin", "cell", "csv_cells"),
        [
            ({}, "0123456789ab", (OWN, "", "", "")),
            ({"weights_sha256": OWN}, "0123456789ab", (OWN, "", "", "")),
            ({"weights_sha256": OWN, "address": ADDRESS}, f"[0123456789ab]({ADDRESS})", (OWN, ADDRESS, "", "")),
            (
                {"weights_sha256": OTHERS, "address": ADDRESS, "trained_further": True},
                f"0123456789ab, trained on from [fedcba987654]({ADDRESS})",
                (OWN, "", OTHERS, ADDRESS),
            ),
            ({"weights_sha256": OWN, "address": "javascript:alert(1)"}, "0123456789ab", (OWN, "", "", "")),
            ({"weights_sha256": OWN, "address": "file:///etc/passwd"}, "0123456789ab", (OWN, "", "", "")),
            (
                {"weights_sha256": OWN, "address": "https://example.org/a)|<b>\n?x&y"},
                "[0123456789ab](https://example.org/a%29%7C%3Cb%3E?x&amp;y)",
                (OWN, "https://example.org/a%29%7C%3Cb%3E?x&y", "", ""),
            ),
        ],
        ids=["own", "a run's", "published", "trained on", "script", "file", "evil"],
    )
    def test_a_row_names_them(self, origin, cell, csv_cells):
        boards = make_boards([with_weights("gan", OWN, **origin)])
        (row,) = (line for line in markdown(boards, "B").splitlines() if line.startswith("|") and "gan" in line)
        assert row.rstrip(" |").endswith(f"| {cell}")
        (flat,) = csv.DictReader(io.StringIO(as_csv(boards)))
        columns = ("weights_sha256", "weights_address", "begun_from_sha256", "begun_from_address")
        assert tuple(flat[column] for column in columns) == csv_cells
        (plain,) = json.loads(as_json(boards))["boards"][0]["rows"]
        assert plain["weights"] == {"sha256": OWN, "address": csv_cells[1] or None}
        assert (plain["begun_from"] or {}).get("sha256", "") == csv_cells[2]

    def test_what_is_not_trained_has_none(self):
        boards = make_boards([made_entry("plain")])
        assert boards[0].rows[0].weights is None
        (row,) = (line for line in markdown(boards, "B").splitlines() if line.startswith("|") and "plain" in line)
        assert row.rstrip(" |").endswith("| -")

    def test_a_sha_that_is_none_does_no_harm(self):
        page = markdown(make_boards([with_weights("gan", "a](b)|<i>" * 8)]), "B")
        assert "<i>" not in page and "](b)" not in page
        lines = [line for line in page.splitlines() if line.startswith("|")]
        assert {line.count("|") for line in lines} == {lines[0].count("|")}


def test_simulated_is_said_wherever_it_is_shown():
    page = markdown(make_boards([made_entry(simulated=True)]), "B")
    assert "## SIMULATED data: screen" in page
    assert "The scores say nothing of real cells" in page
    assert "SIMULATED" in draw_board(make_boards([made_entry(simulated=True)])[0])
    assert "SIMULATED" not in markdown(make_boards([made_entry()]), "B")


def test_csv_parses_back():
    twin = Difference(value=0.25, low=-0.1, high=0.5, n=4, p=0.03)
    entries = [
        made_entry("gan", GOOD, dataset=EVIL, twin=twin, trained=True),
        made_entry("random", BAD, dataset=EVIL, kind="control"),
    ]
    first, second = csv.DictReader(io.StringIO(as_csv(make_boards(entries))))
    assert (first["dataset"], first["method"], first["rank"], second["rank"]) == (EVIL, "gan", "1", "")
    assert [float(first[f"nsc_{part}"]) for part in ("value", "low", "high", "n")] == [1, 0.5, 1, 4]
    assert [float(first[f"twin_{part}"]) for part in ("value", "low", "high", "p")] == [0.25, -0.1, 0.5, 0.03]
    assert (second["twin_value"], second["kind"], first["simulated"], first["cells"]) == ("", "control", "False", "99")


def test_json_holds_the_whole_board():
    boards = make_boards([made_entry(), made_entry(simulated=True)])
    read = json.loads(as_json(boards))
    assert [Board.model_validate(board) for board in read["boards"]] == boards


def test_no_entries_make_an_empty_board():
    assert make_boards([]) == []
    assert "Generated; do not edit." in markdown([], "B")
    assert json.loads(as_json([])) == {"schema_version": 1, "boards": []}
    assert as_csv([]) == "dataset\n"


class TestBuild:
    """Files that are generated."""

    def test_it_writes_three_files_and_the_check_agrees(self, leaderboards):
        folder = leaderboards(made_entry("a"), made_entry("b", BAD))
        assert [path.name for path in build(folder)] == ["board.md", "board.csv", "board.json"]
        before = {path.name: path.read_bytes() for path in folder.glob("board.*")}
        assert build(folder, check=True) == build(folder)
        assert {path.name: path.read_bytes() for path in folder.glob("board.*")} == before

    @pytest.mark.parametrize("name", ["board.md", "board.csv", "board.json"])
    def test_the_check_fails_where_a_file_was_edited_or_is_missing(self, leaderboards, cli, name):
        folder = leaderboards(made_entry())
        build(folder)
        (folder / name).write_text((folder / name).read_text().replace("0.5", "0.9"))
        assert f"{folder / name}: stale; run 'cytobench leaderboard build'" in cli(
            "leaderboard", "build", "--check", "--folder", folder
        ).sentence  # fmt: skip
        (folder / name).unlink()
        with pytest.raises(CytoBenchError, match=name):
            build(folder, check=True)
        assert not (folder / name).exists()

    def test_the_check_fails_where_a_score_was_edited(self, leaderboards):
        entry = made_entry(correct=FAIR)
        folder = leaderboards(entry)
        build(folder)
        file = folder / "scores" / entry.file
        file.write_text(file.read_text().replace('"value": 0.5', '"value": 0.9'))
        with pytest.raises(CytoBenchError, match=r"board\.md.*stale"):
            build(folder, check=True)

    @pytest.mark.parametrize("part", ["screen", "pretend"])
    def test_a_score_file_that_was_moved_is_refused(self, leaderboards, part):
        entry = made_entry()
        folder = leaderboards(entry)
        (folder / "scores" / "screen" / "other").mkdir()
        moved = folder / "scores" / "screen" / "other" / entry.file.name
        (folder / "scores" / entry.file).rename(moved)
        with pytest.raises(CytoBenchError, match=f"{moved}: holds the scores of .*{part}.*; it was moved or edited, add the run"):
            build(folder)

    @pytest.mark.parametrize(
        ("harm", "sentence"),
        [
            (lambda text: text[:100], "not valid JSON"),
            (lambda text: text.replace('"schema_version": 1', '"schema_version": 2', 1), "schema version 2"),
            (lambda text: text.replace('"headline"', '"headlin"', 1), "unknown key 'headlin' in scores; did you mean 'headline'"),
        ],
    )
    def test_a_damaged_score_file_is_named_and_nothing_is_written(self, leaderboards, cli, harm, sentence):
        entry = made_entry()
        folder = leaderboards(entry)
        file = folder / "scores" / entry.file
        file.write_text(harm(file.read_text()))
        said = cli("leaderboard", "build", "--folder", folder).sentence
        assert sentence in said
        assert str(file) in said
        assert not list(folder.glob("board.*"))

    def test_what_was_added_while_it_waited_is_on_the_board(self, leaderboards, monkeypatch):
        folder = leaderboards(made_entry("first"))

        def waiting(path, what, wait):
            leaderboards(made_entry("second"))
            return locked(path, what, wait)

        monkeypatch.setattr(build_module, "locked", waiting)
        build(folder)
        assert "second" in (folder / "board.md").read_text()

    def test_a_board_that_another_process_writes_is_one_sentence(self, leaderboards, another_process, monkeypatch):
        folder = leaderboards(made_entry())
        monkeypatch.setattr(build_module, "locked", lambda path, what, wait: locked(path, what, 0.1))
        code = f"""
from cytobench.files import locked
with locked(Path({str(folder / ".lock")!r}), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""
        with (
            another_process(code),
            pytest.raises(CytoBenchError, match=f"^the board in {folder} is being written by another process; wait for it"),
        ):
            build(folder)
        assert not list(folder.glob("board.*"))

    def test_two_processes_at_once_both_succeed_and_leave_the_whole_board(self, tmp_path):
        code = (
            "import sys\nfrom pathlib import Path\nfrom cytobench.boards.build import build\n"
            "from cytobench.boards.entries import add_runs\nfrom cytobench.results.runs import Run\n"
            "for path in sys.argv[2:]:\n    add_runs([Run.read(Path(path))], Path(sys.argv[1]))\n    build(Path(sys.argv[1]))"
        )
        folder = tmp_path / "leaderboards"
        paths = [[str(made_run(tmp_path / "runs", made_entry(f"{who}{n}")).path) for n in range(5)] for who in "ab"]
        started = [subprocess.Popen([sys.executable, "-c", code, str(folder), *some]) for some in paths]
        assert [process.wait(timeout=30) for process in started] == [0, 0]
        (board,) = json.loads((folder / "board.json").read_text())["boards"]
        assert len(board["rows"]) == 10
        assert build(folder, check=True)
        assert not list(folder.glob(".board*"))


class TestAdding:
    """From a run to a score file."""

    def test_a_run_and_its_untrained_twin_are_kept(self, tmp_path, cli):
        twin = made_run(tmp_path / "runs", made_entry("gan", BAD, trained=True, untrained=True))
        trained = made_entry("gan", GOOD, trained=True, twin_folder=twin.record.folder.as_posix())
        run = made_run(tmp_path / "runs", trained)
        called = cli("leaderboard", "add", run.path, "--folder", tmp_path / "leaderboards")
        assert (called.status, called.out.count("added: ")) == (0, 2)
        kept = entries_of_scores(tmp_path / "leaderboards")
        assert sorted(entry.run.label for entry in kept) == ["gan", "gan (untrained)"]
        assert {entry.scores.entry().nsc.value for entry in kept} == {0, 1}
        assert build(tmp_path / "leaderboards", check=True)

    def test_a_run_without_its_twin_is_refused_and_nothing_is_kept(self, tmp_path):
        run = made_run(tmp_path / "runs", made_entry("gan", trained=True, twin_folder="screen/gan-untrained/90e"))
        with pytest.raises(CytoBenchError, match="gan-untrained/90e: not a run folder"):
            add_runs([run], tmp_path / "leaderboards")
        assert not (tmp_path / "leaderboards").exists()

    def test_a_run_that_failed_is_refused_and_nothing_is_kept(self, tmp_path, cli):
        run = made_run(tmp_path / "runs", made_entry())
        run.update(status="failed", error="boom")
        said = cli("leaderboard", "add", run.path, "--folder", tmp_path / "leaderboards").sentence
        assert "the run is failed: boom; run it again" in said
        assert not (tmp_path / "leaderboards").exists()
        assert entries_of_runs(tmp_path / "runs") == ([], [])

    def test_a_run_that_cannot_be_read_stops_no_other_and_is_named(self, tmp_path):
        made_run(tmp_path, made_entry("good"))
        foreign = made_run(tmp_path, made_entry("foreign")).path / "run.json"
        foreign.write_text(foreign.read_text().replace('"schema_version": 1', '"schema_version": 9'))
        page = refresh_run_board(tmp_path).read_text()
        assert "| good " in page
        assert "Not shown:" in page and "schema version 9" in page

    def test_pictures_of_boards_that_are_gone_are_removed(self, tmp_path):
        run = made_run(tmp_path, made_entry("good"))
        refresh_run_board(tmp_path)
        assert len(list((tmp_path / "pictures").glob("*.svg"))) == 1
        run.update(status="failed")
        refresh_run_board(tmp_path)
        assert list((tmp_path / "pictures").glob("*.svg")) == []

    def test_a_folder_without_scores_is_said(self, tmp_path, cli):
        assert "has no folder scores; add a run to it" in cli("leaderboard", "build", "--folder", tmp_path / "typo").sentence

    def test_the_board_of_runs_holds_the_finished_ones(self, tmp_path):
        made_run(tmp_path, made_entry("good"))
        made_run(tmp_path, made_entry("worse")).update(status="interrupted")
        page = refresh_run_board(tmp_path).read_text()
        assert "good" in page
        assert "worse" not in page


class TestCompare:
    """Two entries side by side."""

    def test_the_difference_is_paired(self):
        found = compare(made_entry("a", GOOD), made_entry("b", (1.0, 0.0, 1.0, 1.0)))
        assert (found.difference.value, found.difference.n) == (0.25, 4)
        assert (len(found.won), len(found.lost), found.notes) == (1, 0, ())
        back = compare(made_entry("b", (1.0, 0.0, 1.0, 1.0)), made_entry("a", GOOD))
        assert (back.difference.value, back.lost) == (-0.25, found.won)
        assert "only a on screen, seed 0 is right on 1" in str(found)

    def test_only_treatments_that_both_have_count(self):
        assert compare(made_entry("a", GOOD), made_entry("b", FAIR[:2])).difference.n == 2

    def test_other_data_are_noted(self):
        assert compare(made_entry(), made_entry("b", dataset_identity="e" * 64)).notes == ("different data: screen and screen",)

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"benchmark": "bbbc021-moa/2"}, "bbbc021-moa/1 and bbbc021-moa/2 are different protocols; score both under one"),
            ({"simulated": True}, "one run is of simulated data and the other of real data; they cannot be compared"),
        ],
    )
    def test_what_cannot_be_compared_is_refused(self, tmp_path, cli, change, sentence):
        runs = [made_run(tmp_path / "runs", entry).path for entry in (made_entry("a"), made_entry("b", **change))]
        assert cli("leaderboard", "compare", *runs).sentence == f"cytobench: {sentence}"

    def test_nothing_shared_is_said(self):
        other = made_entry("b")
        moved = tuple(p.model_copy(update={"compound": "new"}) for p in other.scores.predictions)
        other = other.model_copy(update={"scores": other.scores.model_copy(update={"predictions": moved})})
        with pytest.raises(CytoBenchError, match="the two runs share no treatment with a headline score"):
            compare(made_entry(), other)

    def test_runs_and_score_files_are_read_alike(self, tmp_path, leaderboards):
        entry = made_entry()
        run = made_run(tmp_path / "runs", entry)
        kept = read_entry(add_runs([run], tmp_path / "leaderboards")[0])
        assert kept == read_entry(run.path)
        with pytest.raises(CytoBenchError, match="nowhere: no such file"):
            read_entry(tmp_path / "nowhere")


def test_a_row_says_what_it_scored_on_treatments_that_it_never_saw():
    nsc = Estimate(value=0.25, low=0.1, high=0.4, n=8, treatments=8, wells=24, cells=None)
    boards = make_boards([made_entry("gan", **TRAINED, unseen=Unseen(nsc=nsc, twin=None)), made_entry("other")])
    rows = [line for line in markdown(boards, "B").splitlines() if line.startswith("| ") and "; NSC of the 8 treatments" in line]
    assert len(rows) == 1 and "; NSC of the 8 treatments never seen 0.250 [0.10, 0.40]" in rows[0]
    flat = {row["method"]: row["unseen_nsc_value"] for row in csv.DictReader(io.StringIO(as_csv(boards)))}
    assert flat == {"gan": "0.25", "other": ""}
