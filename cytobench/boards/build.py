"""Write boards, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from cytobench.boards.entries import entries_of_runs, entries_of_scores
from cytobench.boards.figures import draw_board
from cytobench.boards.render import PICTURES, as_csv, as_json, markdown, picture_name
from cytobench.boards.rows import Board, make_boards
from cytobench.boards.sensitivity import map_files, write_pictures
from cytobench.errors import CytoBenchError
from cytobench.files import locked, write_text


def build(leaderboards: Path, *, check: bool = False) -> list[Path]:
    """Generate ``board.md``, ``board.csv`` and ``board.json`` from ``scores/``, and ``sensitivity.md`` from ``sensitivity/``.

    Args:
        leaderboards: the folder.
        check: write nothing, and fail where a generated file is not what it would be.

    Returns:
        The files.
    """
    if check:
        boards = make_boards(entries_of_scores(leaderboards))
        page, maps = map_files(leaderboards)
        texts = _texts(leaderboards, boards) | page
        stale = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
        stale += [path for board in boards if not (path := leaderboards / picture_name(board)).is_file()]
        stale += [path for path in maps if not path.is_file()]
        if stale:
            raise CytoBenchError(f"{', '.join(map(str, stale))}: stale; run 'cytobench leaderboard build'")
        return list(texts)
    with locked(leaderboards / ".lock", f"the board in {leaderboards}", wait=10):
        boards = make_boards(entries_of_scores(leaderboards))  # read under the lock: what is added meanwhile is not lost
        page, maps = map_files(leaderboards)
        texts = _texts(leaderboards, boards) | page
        for path, text in texts.items():
            write_text(path, text)
        _write_pictures(boards, leaderboards)
        write_pictures(maps, leaderboards)
    return list(texts)


def refresh_run_board(runs: Path) -> Path:
    """Rewrite ``board.md`` of a runs folder from its finished runs."""
    path = runs / "board.md"
    with locked(runs / ".lock", f"the board {path}", wait=10):
        entries, wrong = entries_of_runs(runs)
        boards = make_boards(entries)
        write_text(path, markdown(boards, "Runs on this machine", wrong=wrong))
        _write_pictures(boards, runs)
    return path


def _texts(leaderboards: Path, boards: list[Board]) -> dict[Path, str]:
    return {
        leaderboards / "board.md": markdown(boards, "Leaderboard"),
        leaderboards / "board.csv": as_csv(boards),
        leaderboards / "board.json": as_json(boards),
    }


def _write_pictures(boards: list[Board], folder: Path) -> None:
    pictures = {folder / picture_name(board): board for board in boards}
    for path, board in pictures.items():
        write_text(path, draw_board(board))
    for path in set((folder / PICTURES).glob("*.svg")) - pictures.keys():
        path.unlink()
