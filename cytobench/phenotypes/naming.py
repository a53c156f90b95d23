"""Names of files that tell which model they show, so that no file replaces another model's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from cytobench.files import sha256_text, slug
from cytobench.method import Method
from cytobench.phenotypes.model import Model

DIGITS = 8


def stem_of(verb: str, model: Model, *words: str | None, asked: Sequence[object]) -> str:
    """Return a file name without its ending: ``interpolate-lsgan-noise-1b2c3d4e``.

    The last part is a checksum of the model (its weights, recipe, seed and cells) and of what was asked of it: the same call
    gives the same name, and another run, or another seed, another one.
    """
    made_of = (_weights(model.method), model.recipe.model_dump_json(), model.seed, model.store.identity)
    return slug(verb, model.name, *words, key_of(*made_of, *words, *asked))


def key_of(*parts: object) -> str:
    """Return the first hexadecimal digits of the checksum of what decides a file."""
    return sha256_text(*map(str, parts))[:DIGITS]


def _weights(method: Method) -> str:
    digest = hashlib.sha256()
    for name, values in method.state_dict().items() if isinstance(method, torch.nn.Module) else ():
        digest.update(name.encode())
        digest.update(values.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
