"""Pretrained weights by name: from the cache of an earlier fetch, or fetched as timm would, once, where there is a network."""

from __future__ import annotations

import os
import socket
import urllib.request
from importlib import import_module
from pathlib import Path
from urllib.parse import urlparse

from cytobench.errors import CytoBenchError
from cytobench.training.backbones import pretrained_configuration, reason_of

FILES = ("model.safetensors", "pytorch_model.bin")
"""What timm's repositories call their weights; the first that there is."""

CONNECT_SECONDS = 5.0
"""To wait for an answer of the host before saying that there is no network; its own client would retry for minutes."""


def pretrained_file(backbone: str) -> Path:
    """Return the local file with the weights that timm names ``backbone``.

    Raises:
        CytoBenchError: where there are none, or they are not here and cannot be fetched.
    """
    stated = pretrained_configuration(backbone)
    repository, address = stated.get("hf_hub_id"), stated.get("url")
    if not (repository or address) or stated.get("custom_load"):
        raise CytoBenchError(f"timm has no weights of {backbone} that can be fetched here; give -o weights=PATH")
    if not repository:
        return _from_address(str(address), backbone)
    name, _, revision = str(repository).partition("@")
    wanted = stated.get("hf_hub_filename")
    return _from_repository(name, revision or None, (wanted,) if wanted else FILES, backbone)


def _from_repository(repository: str, revision: str | None, files: tuple[str, ...], backbone: str) -> Path:
    hub = import_module("huggingface_hub")
    for file in files:
        cached = hub.try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
    if hub.constants.HF_HUB_OFFLINE:
        raise _not_here(backbone, "HF_HUB_OFFLINE is set")
    _refuse_silence(hub.hf_hub_url(repository, files[0]), backbone)
    for file in files:
        try:
            return Path(hub.hf_hub_download(repository, file, revision=revision, etag_timeout=CONNECT_SECONDS))
        except hub.errors.LocalEntryNotFoundError as error:
            raise _not_here(backbone, reason_of(error)) from None
        except hub.errors.EntryNotFoundError:
            continue
        except (OSError, ValueError, RuntimeError) as error:
            raise _not_here(backbone, reason_of(error)) from None
    raise _not_here(backbone, f"{repository} holds no {' or '.join(files)}")


def _from_address(address: str, backbone: str) -> Path:
    """As torch.hub keeps them: under the last part of the address, which may state the start of the sha256."""
    hub = import_module("torch.hub")
    file = Path(hub.get_dir()) / "checkpoints" / os.path.basename(urlparse(address).path)
    if file.is_file():
        return file
    if import_module("huggingface_hub").constants.HF_HUB_OFFLINE:
        raise _not_here(backbone, "HF_HUB_OFFLINE is set")
    _refuse_silence(address, backbone)
    stated = hub.HASH_REGEX.search(file.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        hub.download_url_to_file(address, str(file), stated.group(1) if stated else None, progress=False)
    except (OSError, RuntimeError) as error:
        raise _not_here(backbone, reason_of(error)) from None
    return file


def _refuse_silence(address: str, backbone: str) -> None:
    """Refuse at once where the host of ``address`` does not answer; behind a proxy only the proxy could tell."""
    parts = urlparse(address)
    if urllib.request.getproxies():
        return
    try:
        socket.create_connection((str(parts.hostname), parts.port or 443), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise _not_here(backbone, f"no network: {error}") from None


def _not_here(backbone: str, why: str) -> CytoBenchError:
    return CytoBenchError(
        f"the weights of {backbone} are not here and cannot be fetched ({why}); give -o weights=PATH, "
        "or run once where there is a network, or name a recipe whose weights are here ('cytobench info imagenet' lists them)"
    )
