"""Sheets of cells: grids at a whole number of screen pixels for each of the image's, with titles, labels and a caption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cytobench.phenotypes import pictures

INK, FAINT, FRAME = (20, 20, 20), (90, 90, 90), 160
"""Of titles and labels, of captions, and of the line round each cell, without which a white cell looks like a missing one."""

SMALLEST, LARGEST = 13, 26
"""Height of labels, px; between them a 75th of the sheet's width, so that they are legible where the sheet is shown small."""


@dataclass(frozen=True)
class Panel:
    """A grid of pictures under a heading.

    Args:
        heading: what they are.
        cells: (n, H, W, 3) uint8, row by row.
        columns: pictures in a row.
        row_labels: what stands left of each row, or none.
        column_labels: what stands above each column, or none.
        zoom: screen pixels for each pixel of an image.
        empty: numbers of places that no picture is for; they have no frame.
    """

    heading: str
    cells: np.ndarray
    columns: int
    row_labels: tuple[str, ...] = ()
    column_labels: tuple[str, ...] = ()
    zoom: int = 1
    empty: tuple[int, ...] = ()

    @cached_property
    def picture(self) -> np.ndarray:
        """The grid (H, W, 3) uint8 without its labels, a thin line round each cell."""
        large = self.cells.repeat(self.zoom, axis=1).repeat(self.zoom, axis=2)
        framed = np.pad(large, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=FRAME)
        framed[list(self.empty)] = 255
        return pictures.grid(framed, self.columns)

    def height_of(self, row: int) -> float:
        """The middle of a row, px below the grid's top."""
        return self._middle(row, self.cells.shape[1])

    def place_of(self, column: int) -> float:
        """The middle of a column, px right of the grid's left."""
        return self._middle(column, self.cells.shape[2])

    def _middle(self, number: int, pixels: int) -> float:
        framed = pixels * self.zoom + 2
        return number * (framed + pictures.GAP) + framed / 2


def sheet(title: str, panels: Sequence[Sequence[Panel]], caption: str) -> np.ndarray:
    """Put panels on a white sheet.

    Args:
        title: over everything.
        panels: rows of panels.
        caption: below everything: colours, scaling, what is what.

    Returns:
        (height, width, 3) uint8.
    """
    width = max(sum(panel.picture.shape[1] for panel in row) for row in panels)
    return _Sheet(max(SMALLEST, min(LARGEST, round(width / 75)))).drawn(title, panels, caption)


def zoom_for(size: int, columns: int, width: int) -> int:
    """The zoom, 1 to 4, at which ``columns`` cells of ``size`` px are nearest to ``width`` px wide."""
    return max(1, min(4, round(width / (size * columns))))


@cache
def _font(height: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, height)


class _Sheet:
    """Draws with one size of type."""

    def __init__(self, text: int):
        self.title, self.heading = _font(round(1.3 * text), bold=True), _font(text, bold=True)
        self.label, self.margin = _font(text), round(0.8 * text)

    def drawn(self, title: str, panels: Sequence[Sequence[Panel]], caption: str) -> np.ndarray:
        rows = [self._beside([self._panel(panel) for panel in row]) for row in panels]
        width = max(row.width for row in rows)
        title_part, caption_part = self._text(title, self.title, INK, width), self._text(caption, self.label, FAINT, width)
        parts = [title_part, *rows, caption_part]
        whole = Image.new(
            "RGB", (width + 2 * self.margin, sum(part.height + self.margin for part in parts) + self.margin), "white"
        )
        top = self.margin
        for part in parts:
            whole.paste(part, (self.margin, top))
            top += part.height + self.margin
        return np.asarray(whole)

    def _beside(self, parts: list[Image.Image]) -> Image.Image:
        gap = 2 * self.margin
        width, height = sum(part.width + gap for part in parts) - gap, max(part.height for part in parts)
        row, left = Image.new("RGB", (width, height), "white"), 0
        for part in parts:
            row.paste(part, (left, 0))
            left += part.width + gap
        return row

    def _panel(self, panel: Panel) -> Image.Image:
        height, width, _ = panel.picture.shape
        left = max((self._size(label, self.label)[0] + self.margin for label in panel.row_labels), default=0)
        heading = self._text(panel.heading, self.heading, INK, left + width)
        labels = max((self._size(label, self.label)[1] + self.margin // 2 for label in panel.column_labels), default=0)
        top = heading.height + self.margin // 2 + labels
        drawn = Image.new("RGB", (max(left + width, heading.width), top + height), "white")
        drawn.paste(heading, (0, 0))
        drawn.paste(Image.fromarray(panel.picture), (left, top))
        draw = ImageDraw.Draw(drawn)
        for row, label in enumerate(panel.row_labels):
            draw.multiline_text(
                (left - self.margin, top + panel.height_of(row)), label, INK, self.label, anchor="rm", align="right"
            )
        for column, label in enumerate(panel.column_labels):
            draw.multiline_text(
                (left + panel.place_of(column), top - self.margin // 2), label, INK, self.label, anchor="md", align="center"
            )
        return drawn

    def _text(self, text: str, font: ImageFont.FreeTypeFont, colour: tuple[int, int, int], width: int) -> Image.Image:
        lines = [""]
        for word in text.split():
            longer = f"{lines[-1]} {word}".strip()
            lines = [*lines[:-1], longer] if font.getlength(longer) <= width else [*lines, word]
        wrapped = "\n".join(line for line in lines if line)
        drawn = Image.new("RGB", self._size(wrapped, font), "white")
        ImageDraw.Draw(drawn).multiline_text((0, 0), wrapped, colour, font)
        return drawn

    def _size(self, text: str, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
        box = ImageDraw.Draw(Image.new("RGB", (1, 1))).multiline_textbbox((0, 0), text, font)
        return int(np.ceil(box[2])) + 1, int(np.ceil(box[3])) + 1
