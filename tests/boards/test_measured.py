"""Boards of models: one way of measuring a board, references as controls, names harmless."""

import csv
import io
import json

import pytest
from records import made_entry

from cytobench.boards.build import build, refresh_run_board
from cytobench.boards.compare import compare
from cytobench.boards.entries import MeasuredEntry, add_runs, entries_of_scores, read_entry
from cytobench.boards.measured import make_measured_boards
from cytobench.boards.measured_figures import draw_measured
from cytobench.boards.measured_page import measured_csv, measured_json, measured_markdown
from cytobench.cli import group
from cytobench.errors import CytoBenchError
from cytobench.files import write_text
from cytobench.results.measures import Column, Line, Measure, Measures
from cytobench.results.page import write_page
from cytobench.results.runs import Run
from cytobench.schema import dump_json

COLUMNS = (
    Column(name="far", title="distance", better="lower", meaning="How far."),
    Column(name="near", title="nearness", better="higher", meaning="How near."),
)


def line(name, value, role="method", **changes):
    far = Measure(value=value, low=None if value is None else value - 0.1, high=None if value is None else value + 0.1, n=9)
    return Line(name=name, role=role, measures={"far": far, "near": Measure(value=None, reason="too few cells")} | changes)


REFERENCES = (line("real cells", 0.01, "floor"), line("noise", 3.0, "ceiling"))


def measured(method="gan", value: float | None = 0.5, *, under="space a, 10 cells", references=REFERENCES, parts=(), **changes):
    """A measured entry of no real run."""
    facts = {"benchmark": "bbbc021-made/1", "requires": "generative", **changes}
    run = made_entry(method, **facts).run
    result = Measures(
        benchmark=run.benchmark,
        under=under,
        headline="far",
        columns=COLUMNS,
        result=line(method, value),
        references=references,
        parts=parts,
        warnings=("too weak for this claim",) if value and value > 1 else (),
    )
    return MeasuredEntry(run=run, measures=result)


class TestRows:
    """Who stands where."""

    def test_the_headline_ranks_and_controls_have_no_rank(self):
        entries = [measured("b", 0.5), measured("a", 0.2), measured("c", None), measured("a", 0.1, untrained=True)]
        board = make_measured_boards(entries)[0]
        assert [(row.name, row.rank) for row in board.rows] == [("a (untrained)", None), ("a", 1), ("b", 2), ("c", None)]
        assert [one.role for one in board.references] == ["floor", "ceiling"]

    def test_higher_may_be_better(self):
        swapped = tuple(column.model_copy(update={"better": "higher"}) for column in COLUMNS)
        entries = [
            entry.model_copy(update={"measures": entry.measures.model_copy(update={"columns": swapped})})
            for entry in (measured("a", 0.2), measured("b", 0.9))
        ]
        assert [row.name for row in make_measured_boards(entries)[0].rows] == ["b", "a"]

    def test_where_neither_is_better_nobody_has_a_rank(self):
        asked = COLUMNS[0].model_copy(update={"better": "neither"})
        entries = [
            entry.model_copy(update={"measures": entry.measures.model_copy(update={"columns": (asked,)})})
            for entry in (measured("a", 0.2), measured("b", 0.9))
        ]
        assert [(row.name, row.rank) for row in make_measured_boards(entries)[0].rows] == [("b", None), ("a", None)]

    @pytest.mark.parametrize(
        "change",
        [
            {"under": "space b, 10 cells"}, {"references": REFERENCES[:1]}, {"simulated": True}, {"dataset_identity": "e" * 64},
            {"benchmark": "bbbc021-made:other/1"},
        ],
        ids=lambda change: next(iter(change)),
    )  # fmt: skip
    def test_what_cannot_be_compared_never_shares_a_board(self, change):
        boards = make_measured_boards([measured("a"), measured("b", **change), measured("c")])
        assert sorted([row.name for row in board.rows] for board in boards) == [["a", "c"], ["b"]]

    @pytest.mark.parametrize(
        ("value", "verdict"), [(0.2, "better"), (0.9, "worse"), (0.55, "not told apart"), (None, "not told apart")]
    )
    def test_a_model_is_set_against_its_untrained_twin(self, value, verdict):
        twin = measured("gan", 0.5, untrained=True)
        run = measured("gan", value, trained=True, input="images", twin_folder=twin.run.folder.as_posix())
        board = make_measured_boards([run, twin])[0]
        against = {row.name: row.against_twin for row in board.rows}
        assert against["gan"].verdict == verdict and against["gan (untrained)"] is None
        assert f"{verdict}: 0.500 [0.400, 0.600]" in measured_markdown([board], "M")

    def test_a_trained_model_without_its_twin_is_noticed(self):
        learned, twin = {"trained": True, "input": "images"}, measured("gan", untrained=True)
        run = measured("gan", **learned, twin_folder=twin.run.folder.as_posix())
        assert make_measured_boards([run])[0].missing == ("gan (untrained), recipe default, seed 0",)
        assert make_measured_boards([run, twin])[0].missing == ()


class TestPages:
    """What people and programs read."""

    def test_the_page_says_under_what_and_what_every_column_means(self):
        text = measured_markdown(make_measured_boards([measured("gan", 2.0, parts=(line("Actin", 0.3, "part"),))]), "Models")
        assert "Measured under: space a, 10 cells." in text
        assert "| floor" in text and "| ceiling" in text and "distance \\*, lower is better" in text
        assert "- **distance**: How far." in text and "- all: too weak for this claim" in text
        assert "<summary>gan, by part</summary>" in text and "| Actin" in text
        assert "2.00 [1.90, 2.10]" in text and "- nearness: too few cells" in text

    def test_simulated_says_so_everywhere(self):
        boards = make_measured_boards([measured(simulated=True)])
        assert "## SIMULATED data: screen" in measured_markdown(boards, "M") and "SIMULATED: screen" in draw_measured(boards[0])

    def test_names_are_harmless(self):
        hostile = "<script>alert(1)</script>|$x^2$"
        boards = make_measured_boards([measured("gan", dataset="d <b>", references=(line(hostile, 0.1, "floor"),))])
        text, picture = measured_markdown(boards, "M"), draw_measured(boards[0])
        assert "<script>" not in text and "<b>" not in text and "\\|" in text
        assert "<script>" not in picture and "$x^2$" in picture

    def test_programs_get_every_number(self):
        entries = [measured("gan", 0.5, parts=(line("Actin", 0.3, "part"),)), measured("random", 0.7, kind="control")]
        boards = make_measured_boards(entries)
        rows = list(csv.DictReader(io.StringIO(measured_csv(boards))))
        assert [(row["row"], row["role"], row["part"], row["rank"], row["value"]) for row in rows if row["measure"] == "far"] == [
            ("gan", "method", "", "1", "0.5"), ("gan", "part", "Actin", "1", "0.3"), ("random", "control", "", "", "0.7"),
            ("real cells", "floor", "", "", "0.01"), ("noise", "ceiling", "", "", "3.0"),
        ]  # fmt: skip
        assert json.loads(measured_json(boards))["boards"][0]["rows"][0]["line"]["measures"]["far"]["value"] == 0.5

    def test_equal_boards_give_equal_pictures_and_a_number_less_panel_is_left_out(self):
        boards = make_measured_boards([measured(), measured("b", 0.7)])
        picture = draw_measured(boards[0])
        assert picture == draw_measured(boards[0])
        assert "distance (headline)" in picture and "nearness" not in picture


class TestFiles:
    """Kept beside the scores of profiles, on a page of their own."""

    def test_score_files_of_both_kinds_lie_together(self, tmp_path):
        folder = tmp_path / "boards"
        for entry in (made_entry(), measured()):
            write_text(folder / "scores" / entry.file, dump_json(entry))
        assert {type(entry).__name__ for entry in entries_of_scores(folder)} == {"BoardEntry", "MeasuredEntry"}
        names = [path.name for path in build(folder)]
        assert names == ["board.md", "board.csv", "board.json", "phenotypes.md", "phenotypes.csv", "phenotypes.json"]
        assert len(list((folder / "pictures").glob("*.svg"))) == 2
        build(folder, check=True)
        (folder / "phenotypes.md").write_text("other")
        with pytest.raises(CytoBenchError, match=r"phenotypes.md: stale"):
            build(folder, check=True)

    def test_without_models_there_is_no_such_page(self, tmp_path):
        write_text(tmp_path / "scores" / made_entry().file, dump_json(made_entry()))
        assert [path.name for path in build(tmp_path)] == ["board.md", "board.csv", "board.json"]

    def test_a_run_has_its_board_and_its_page(self, tmp_path):
        entry = measured("gan", 2.0)
        made = Run.at(tmp_path / "runs", entry.run.model_copy(update={"stages": {}}))
        with made.writing():
            made.stage("score", ("scores.json",), "cpu", lambda: write_text(made.path / "scores.json", dump_json(entry.measures)))
        refresh_run_board(tmp_path / "runs")
        assert "| 1" in (tmp_path / "runs" / "phenotypes.md").read_text()
        page = write_page(made.path).read_text()
        assert "too few cells" in page and "Too weak for this claim." in page and "distance *, lower is better" in page
        assert add_runs([made], tmp_path / "boards")[0].is_file()
        assert read_entry(made.path).measures == entry.measures
        with pytest.raises(CytoBenchError, match="which scores no profiles"):
            _ = made.scores

    def test_models_are_not_compared_by_treatments(self, tmp_path):
        with pytest.raises(CytoBenchError, match=r"gan, bbbc021-made/1: has no treatments to compare by"):
            compare(made_entry(), measured())

    def test_show_prints_both(self, tmp_path, capsys):
        for entry in (made_entry(), measured()):
            write_text(tmp_path / "scores" / entry.file, dump_json(entry))
        group(["leaderboard", "show", "--folder", str(tmp_path)], standalone_mode=False)
        out = capsys.readouterr().out
        assert "# Leaderboard" in out and "# What models make of cells" in out

    def test_rounding_beyond_what_counts_splits_no_board(self):
        others = tuple(
            one.model_copy(update={"measures": {**one.measures, "far": Measure(value=value * (1 + 1e-9), n=9)}})
            for one, value in zip(REFERENCES, (0.01, 3.0), strict=True)
        )
        mine = tuple(
            one.model_copy(update={"measures": {**one.measures, "far": Measure(value=value, n=9)}})
            for one, value in zip(REFERENCES, (0.01, 3.0), strict=True)
        )
        assert len(make_measured_boards([measured("a", references=mine), measured("b", references=others)])) == 1
