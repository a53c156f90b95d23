"""The page of a visual Turing test: self-contained, its answers sealed, with the key in a file of its own."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from jinja2 import Environment, StrictUndefined

from cytobench.errors import CytoBenchError
from cytobench.files import slug, write_text
from cytobench.phenotypes.pictures import SCALING, colours, legend
from cytobench.phenotypes.turing.turing import PUBLISHED, TuringKey, TuringTest
from cytobench.schema import Record, dump_json, load_json

ROUNDS = 20_000
"""Hashes between what the page holds and its answers: out of reach of reading, and a second or two for a browser that does not
compile scripts (as some phones are set)."""

SMALL = 20_000_000
"""Numbers in a model's networks below which the page calls it small; a round figure chosen here, which decides nothing else."""

CHECK = 4
"""Bytes of the digest that stands behind the sealed answers, so that a damaged page is noticed."""


class WrittenTest(Record):
    """Where a test lies."""

    schema_version: Literal[1] = 1
    test: str
    title: str
    kind: Literal["real", "simulated"]
    page: str
    """For jurors."""
    key: str
    """Not for jurors."""
    cells: int
    """Of each kind."""
    flagged: int | None
    """Cells of the data set shown that it flags."""


def write_test(test: TuringTest, folder: Path) -> WrittenTest:
    """Write ``turing-<method>.html`` for jurors and ``turing-<method>-key.json`` for whoever scores them.

    Raises:
        CytoBenchError: where the folder has the key of another test: without it that test's answers could never be scored.
    """
    name = slug("turing", test.key.method)
    page, key = folder / f"{name}.html", folder / f"{name}-key.json"
    if key.is_file() and (other := load_json(TuringKey, key).id) != test.key.id:
        raise CytoBenchError(f"{key}: holds the key of another test, {other}; choose another --out, or remove it with its page")
    write_text(key, dump_json(test.key))
    write_text(page, render(test))
    facts = {name: getattr(test.key, name) for name in ("title", "kind", "flagged")}
    return WrittenTest(test=test.key.id, page=str(page), key=str(key), cells=len(test.pictures) // 2, **facts)


def render(test: TuringTest) -> str:
    """The page as text: pictures inline, the truth sealed, nothing fetched."""
    key = test.key
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["csp_hash"] = _csp_hash
    template = (files("cytobench.phenotypes.turing") / "turing.html").read_text(encoding="utf-8")
    questions = {
        "id": key.id,
        "kind": key.kind,
        "salt": key.salt,
        "rounds": ROUNDS,
        "sealed": sealed(key.truth, key.id, key.salt).hex(),
        "published": PUBLISHED,
        "pictures": [f"data:image/png;base64,{base64.b64encode(picture).decode()}" for picture in test.pictures],
    }
    stains = zip(key.channels, colours(key.channels), strict=True)
    swatches = [(channel, ", ".join(f"{255 * part:.0f}" for part in colour)) for channel, colour in stains]
    shown = {"legend": legend(key.channels), "scaling": SCALING, "swatches": swatches, "small": key.weights < SMALL}
    return environment.from_string(template).render(key=key, questions=questions, **shown)


def sealed(truth: np.ndarray, test: str, salt: str) -> bytes:
    """Hide the truth (2n,) from whoever reads the page: its bits under a key stream that takes ``ROUNDS`` hashes to compute.

    This is no secret: the page can open it, so whoever runs the page's code can. The key file decides, not the page.
    """
    bits = np.packbits(truth).tobytes()
    plain = bits + hashlib.sha256(bits).digest()[:CHECK]
    state = hashlib.sha256(f"cytobench turing {test} {salt}".encode()).digest()
    for _ in range(ROUNDS):
        state = hashlib.sha256(state).digest()
    blocks = range(-(-len(plain) // 32))
    stream = b"".join(hashlib.sha256(state + block.to_bytes(4, "big")).digest() for block in blocks)
    return bytes(one ^ other for one, other in zip(plain, stream, strict=False))


def _csp_hash(text: str) -> str:
    """How a content security policy names the one inline script or style that it lets through."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode()}'"
