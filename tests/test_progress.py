"""Progress on stderr: rarely in a log, not at all where it is not wanted."""

import pytest

from cytobench import progress
from cytobench.progress import progress_bar


def drawn(capsys: pytest.CaptureFixture[str], **options) -> str:
    with progress_bar(50, "train", "step", **options) as bar:
        for _ in range(50):
            bar.update()
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_short_work_leaves_nothing_in_a_log(capsys):
    assert drawn(capsys) == ""


def test_long_work_leaves_a_line_in_a_log(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    assert "train: 100%" in drawn(capsys)


def test_a_terminal_of_unknown_size_shows_it_too(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "train: 100%" in drawn(capsys)


def test_what_is_not_wanted_is_not_shown(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    assert drawn(capsys, shown=False) == ""
