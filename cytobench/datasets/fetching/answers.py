"""What a server answers: the file, its length, its version, or why not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from cytobench.datasets.fetching.mirror import Mirror
from cytobench.datasets.fetching.threads import Halt, UnreachableError
from cytobench.errors import CytoBenchError

PASSING = (408, 425, 429)
"""Refusals that are worth another try, as those from 500 on are."""
NO_HEAD = (400, 403, 405)
"""What servers answer to HEAD that know GET only."""


class BrokenOffError(Exception):
    """A try that did not bring what it should; its text is the reason."""


@contextmanager
def ask(verb: str, url: str, mirror: Mirror, **headers: str) -> Iterator[requests.Response]:
    """Yield an answer that is no refusal; whatever fails on the way, also while the body is read, raises BrokenOffError."""
    plain = {"Accept-Encoding": "identity"}  # lengths and ranges of a compressed transfer would be those of other bytes
    try:
        with requests.request(
            verb, url, headers=plain | headers, stream=True, timeout=mirror.timeout, allow_redirects=True
        ) as response:
            _refuse(response, url, verb)
            yield response
    except requests.RequestException as error:
        raise BrokenOffError(_reason(error, mirror)) from None


def size_of(url: str, mirror: Mirror, halt: Halt) -> int | None:
    """Return a file's length; None where the server does not say, an error where it has no such file or is not there."""
    reason = ""
    for attempt in range(mirror.tries):
        halt.sleep(mirror.pause(attempt))
        try:
            with ask("HEAD", url, mirror) as response:
                return length_of(response) or None
        except BrokenOffError as broken:
            reason = str(broken)
    raise UnreachableError(f"{url}: cannot be reached ({reason}); check the network, name another --mirror, or use --from")


def length_of(response: requests.Response) -> int | None:
    """Return the length of the whole file, as the answer's head says it."""
    if response.status_code in (206, 416):
        found = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
        return int(found[1]) if found else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and response.ok else None


def start_of(response: requests.Response) -> int:
    """Return the position of the first byte of a partial answer, -1 where it does not say."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


def version_of(response: requests.Response) -> str:
    """Return what the server knows this version of the file by, or ``""`` (RFC 9110, If-Range: no weak tags)."""
    tag = response.headers.get("ETag", "W/")
    return response.headers.get("Last-Modified", "") if tag.startswith("W/") else tag


def _refuse(response: requests.Response, url: str, verb: str) -> None:
    code = response.status_code
    if code >= 500 or code in PASSING:
        raise BrokenOffError(f"its server answers {code} {response.reason}")
    if code >= 400 and code != 416 and not (verb == "HEAD" and code in NO_HEAD):
        raise CytoBenchError(
            f"{url}: the server does not give this file ({code} {response.reason}); check the address (--mirror) or use --from"
        )


def _reason(error: requests.RequestException, mirror: Mirror) -> str:
    if isinstance(error, ValueError):
        return "it is no valid address"
    text = str(error).lower()
    if isinstance(error, requests.Timeout) or "timed out" in text:
        return f"nothing came for {mirror.timeout:g} s"
    if "refused" in text:
        return "the connection was refused"
    if "resol" in text:
        return "its host is unknown: is there a network?"
    return f"the connection broke off: {type(error).__name__}"
