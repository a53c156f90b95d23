"""Write boards, whole or not at all."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import matplotlib as mpl

from cytobench.boards.entries import Entry, entries_of_runs, entries_of_scores, of_models, of_profiles
from cytobench.boards.figures import draw_board
from cytobench.boards.maps import FOLDER
from cytobench.boards.measured import MeasuredBoard, make_measured_boards
from cytobench.boards.measured_figures import draw_measured
from cytobench.boards.measured_page import measured_csv, measured_json, measured_markdown, measured_picture
from cytobench.boards.render import PICTURES, as_csv, as_json, markdown, picture_name
from cytobench.boards.rows import Board, make_boards
from cytobench.boards.sensitivity import Draw, map_files, write_pictures
from cytobench.errors import CytoBenchError
from cytobench.files import locked, write_text

MODELS = "phenotypes.md"
"""The page of the boards of benchmarks of models."""


def build(leaderboards: Path, *, check: bool = False) -> list[Path]:
    """Generate ``board`` and ``phenotypes`` (``.md``, ``.csv``, ``.json``) from ``scores/``, ``sensitivity.md`` from its folder.

    Args:
        leaderboards: the folder.
        check: write nothing, and fail where a generated file is not what it would be.

    Returns:
        The files.
    """
    if check:
        texts, pictures = _generated(leaderboards)
        stale = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
        stale += [path for path, draw in pictures.items() if is_stale(path, draw)]
        if stale:
            raise CytoBenchError(f"{', '.join(map(str, stale))}: stale; run 'cytobench leaderboard build'")
        return list(texts)
    with locked(leaderboards / ".lock", f"the board in {leaderboards}", wait=10):
        texts, pictures = _generated(leaderboards)  # read under the lock: what is added meanwhile is not lost
        for path, text in texts.items():
            write_text(path, text)
        for folder in (PICTURES, FOLDER):
            inside = {path: draw for path, draw in pictures.items() if path.parent == leaderboards / folder}
            write_pictures(inside, leaderboards / folder)
    return list(texts)


def is_stale(picture: Path, draw: Draw) -> bool:
    """Whether a picture is not there, or not what would be drawn."""
    if not picture.is_file():
        return True
    kept = picture.read_text(encoding="utf-8")
    drawn_by = re.search(r"Matplotlib v([^,<]+)", kept)
    # other versions of matplotlib draw the same data in other words: of theirs only the existence can be checked
    return (drawn_by is None or drawn_by[1] == mpl.__version__) and kept != draw()


def refresh_run_board(runs: Path) -> Path:
    """Rewrite ``board.md`` of a runs folder from its finished runs, and ``phenotypes.md`` where a model was measured."""
    path = runs / "board.md"
    with locked(runs / ".lock", f"the board {path}", wait=10):
        entries, wrong = entries_of_runs(runs)
        boards, measured = _boards(entries)
        write_text(path, markdown(boards, "Runs on this machine", wrong=wrong))
        if measured or (runs / MODELS).is_file():
            write_text(runs / MODELS, measured_markdown(measured, "Models on this machine"))
        write_pictures(_drawn(boards, measured, runs), runs / PICTURES)
    return path


def _generated(leaderboards: Path) -> tuple[dict[Path, str], dict[Path, Draw]]:
    """The text of every page, and how each picture is drawn; a folder may hold a sensitivity map alone."""
    page, pictures = map_files(leaderboards)
    if page and not (leaderboards / "scores").is_dir() and not (leaderboards / "board.md").is_file():
        return page, pictures
    boards, measured = _boards(entries_of_scores(leaderboards))
    texts = {
        leaderboards / "board.md": markdown(boards, "Leaderboard"),
        leaderboards / "board.csv": as_csv(boards),
        leaderboards / "board.json": as_json(boards),
    }
    if measured or (leaderboards / MODELS).is_file():
        texts |= {
            leaderboards / MODELS: measured_markdown(measured, "What models make of cells"),
            leaderboards / "phenotypes.csv": measured_csv(measured),
            leaderboards / "phenotypes.json": measured_json(measured),
        }
    return texts | page, _drawn(boards, measured, leaderboards) | pictures


def _boards(entries: list[Entry]) -> tuple[list[Board], list[MeasuredBoard]]:
    return make_boards(of_profiles(entries)), make_measured_boards(of_models(entries))


def _drawn(boards: list[Board], measured: list[MeasuredBoard], folder: Path) -> dict[Path, Draw]:
    drawn: dict[Path, Draw] = {folder / picture_name(board): partial(draw_board, board) for board in boards}
    return drawn | {folder / measured_picture(board): partial(draw_measured, board) for board in measured}
