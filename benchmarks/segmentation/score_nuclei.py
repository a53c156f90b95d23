"""Score the default segmenter on real nuclei, beside Otsu's threshold with a watershed of the distance transform.

    python benchmarks/segmentation/score_nuclei.py [--data DIR] [--check]

Writes ``scores.csv`` and ``README.md`` beside this file; ``--check`` writes nothing and fails where they are stale.
Either fails where the segmenter is not as much better than the baseline as it must be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from cytobench.errors import CytoBenchError
from cytobench.files import write_text
from cytobench.imaging.matching import Matches, match, pooled
from cytobench.imaging.segmentation import make_segmenter
from cytobench.locations import data_folder
from cytobench.schema import Record, read_yaml, validate

HERE = Path(__file__).parent
THRESHOLDS = {"50": 0.5, "70": 0.7}
IMPROVEMENT = 0.10
"""What the segmenter must be better than the baseline by: pooled F1 at IoU 0.5 on the odd images."""
GROUPS = {
    "odd images: the result": "set == 'odd'",
    "odd, culture": "set == 'odd' and kind == 'culture'",
    "odd, tissue": "set == 'odd' and kind == 'tissue'",
    "even images: settings chosen here": "set == 'even'",
    "even, culture": "set == 'even' and kind == 'culture'",
    "even, tissue": "set == 'even' and kind == 'tissue'",
    "all, culture": "kind == 'culture'",
    "all, tissue": "kind == 'tissue'",
    "all images": "nuclei >= 0",
}
CULTURE_AIM = 0.90
"""Pooled F1 at IoU 0.5 aimed at in cell culture; reported, not required."""


class Kinds(Record):
    """Which images show what (``culture.yaml``)."""

    how: str
    culture: list[str]
    tissue: list[str]


def otsu_watershed(image: np.ndarray) -> np.ndarray:
    """Label nuclei in the plain way that the segmenter is measured against, at its best setting for these very images."""
    smooth = ndimage.gaussian_filter(image, 1.5)
    mask = smooth > threshold_otsu(smooth)
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 1.5)
    peaks = peak_local_max(distance, min_distance=3, labels=mask.astype(int), exclude_border=False)
    seeds = np.zeros(image.shape, int)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = watershed(-distance, seeds, mask=mask)
    return np.where(np.bincount(labels.ravel())[labels] >= 30, labels, 0)


def score(folder: Path) -> pd.DataFrame:
    """Score every image of ``folder`` by both ways: a row an image, with counts and F1."""
    table, kinds = _images(folder)
    ways = {"": make_segmenter().nuclei, "baseline_": otsu_watershed}
    rows = []
    with np.load(folder / "dsb2018_fluorescence.npz") as arrays:
        for position, image in enumerate(table.itertuples()):
            picture, truth = (arrays[f"{name}_{image.index:02d}"] for name in ("image", "label"))
            row: dict[str, object] = {
                "index": image.index,
                "set": "odd" if position % 2 else "even",
                "kind": kinds[str(image.image_id)],
                "nuclei": len(np.unique(truth)) - 1,
            }
            for prefix, way in ways.items():
                row.update({f"{prefix}{name}": value for name, value in _scores(picture, truth, way).items()})
            rows.append(row)
    return pd.DataFrame(rows)


def pooled_f1(scores: pd.DataFrame, prefix: str, threshold: str) -> float:
    """F1 from the counts summed over the rows, for the segmenter (``""``) or the ``baseline_``."""
    return pooled(
        Matches(true_positives=matched, false_positives=found - matched, false_negatives=nuclei - matched)
        for matched, found, nuclei in zip(
            scores[f"{prefix}matched_{threshold}"], scores[f"{prefix}found"], scores["nuclei"], strict=True
        )
    ).f1


def missed_bar(scores: pd.DataFrame) -> str | None:
    """Say which bar these scores miss; None where they pass."""
    odd = scores[scores["set"] == "odd"]
    ours, baseline = (pooled_f1(odd, prefix, "50") for prefix in ("", "baseline_"))
    if ours >= baseline + IMPROVEMENT:
        return None
    return f"pooled F1 on the odd images is {ours:.3f}, not {IMPROVEMENT:.2f} above the baseline's {baseline:.3f}"


def pages(scores: pd.DataFrame) -> dict[str, str]:
    """The text of each generated file."""
    groups = [_pooled_row(name, scores.query(rule)) for name, rule in GROUPS.items()]
    shown = scores[[column for column in scores.columns if "matched" not in str(column)]].rename(
        columns=lambda name: name.replace("_", " ")
    )
    return {
        "scores.csv": scores.to_csv(index=False, float_format="%.4f", lineterminator="\n"),
        "README.md": (HERE / "README.in.md")
        .read_text(encoding="utf-8")
        .format(
            aim=CULTURE_AIM,
            culture=pooled_f1(scores.query(GROUPS["odd, culture"]), "", "50"),
            nuclei=scores["nuclei"].sum(),
            pooled=pd.DataFrame(groups).to_markdown(index=False, floatfmt=".3f"),
            images=shown.to_markdown(index=False, floatfmt=".3f"),
        ),
    }


def main() -> None:
    """Parse the command line, score, and write or check the files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder that holds nuclei_dsb2018/ (default: CYTOBENCH_DATA)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is stale")
    given = parser.parse_args()
    try:
        _run(given.data or data_folder(), given.check)
    except CytoBenchError as error:
        sys.exit(f"score_nuclei: {error}")


def _run(data: Path | None, check: bool) -> None:
    if data is None or not (data / "nuclei_dsb2018" / "index.csv").is_file():
        raise CytoBenchError(f"{data or 'CYTOBENCH_DATA'}: no nuclei_dsb2018/index.csv; give --data or set CYTOBENCH_DATA")
    scores = score(data / "nuclei_dsb2018")
    for name, text in pages(scores).items():
        if not check:
            write_text(HERE / name, text)
        elif not (HERE / name).is_file() or (HERE / name).read_text(encoding="utf-8") != text:
            raise CytoBenchError(f"{HERE / name}: stale; run this script without --check and look at what changed")
    missed = missed_bar(scores)
    if missed:
        raise CytoBenchError(missed)


def _images(folder: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table of images, and culture or tissue for each image id."""
    table = pd.read_csv(folder / "index.csv")
    path = HERE / "culture.yaml"
    kinds = validate(Kinds, read_yaml(path), str(path))
    kind = dict.fromkeys(kinds.culture, "culture") | dict.fromkeys(kinds.tissue, "tissue")
    unknown = set(table["image_id"]) ^ kind.keys()
    if unknown or len(kind) != len(kinds.culture) + len(kinds.tissue):
        raise CytoBenchError(f"{path}: each image of index.csv must be listed once; see {sorted(unknown) or 'those twice in it'}")
    return table, kind


def _scores(picture: np.ndarray, truth: np.ndarray, way: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
    predicted = way(picture.astype(np.float32))
    matches = {name: match(truth, predicted, iou) for name, iou in THRESHOLDS.items()}
    return {
        "found": len(np.unique(predicted[predicted > 0])),
        **{f"matched_{name}": one.true_positives for name, one in matches.items()},
        **{f"f1_{name}": one.f1 for name, one in matches.items()},
    }


def _pooled_row(name: str, scores: pd.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {"group": name, "images": len(scores), "nuclei": scores["nuclei"].sum()}
    for threshold, iou in THRESHOLDS.items():
        row[f"F1 at IoU {iou}"] = pooled_f1(scores, "", threshold)
        row[f"baseline at IoU {iou}"] = pooled_f1(scores, "baseline_", threshold)
    return row


if __name__ == "__main__":
    main()
