"""A web server on 127.0.0.1 that serves bytes from memory and misbehaves as it is told."""

import hashlib
import re
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 300
"""Requests that a server answers; a client that asks more often asks for ever."""


@dataclass(frozen=True)
class Mishap:
    """What goes wrong with one answer to GET."""

    status: int | None = None
    """Answer this and nothing else."""
    stop_after: int | None = None
    """Send only so many bytes, then close the connection ..."""
    stall: bool = False
    """... or keep it open in silence."""
    ignore_range: bool = False
    """Send the whole file whatever part was asked for."""
    shift: int = 0
    """Send a range that begins so many bytes later than was asked for."""
    longer: int = 0
    """Say that the file is so many bytes longer than it is."""
    no_length: bool = False
    """Do not say how long the file is: it ends where the connection does."""


@dataclass(frozen=True)
class Asked:
    """A request, and what was sent: the position of the first byte and their number."""

    verb: str
    name: str
    start: int
    sent: int


@dataclass
class Loopback:
    """The files that are served, what befalls them, and what was asked."""

    files: dict[str, bytes]
    mishaps: dict[str, list[Mishap]] = field(default_factory=lambda: defaultdict(list))
    """File -> what befalls its next answers, one after another."""
    forever: dict[str, Mishap] = field(default_factory=dict)
    """File -> what befalls every answer."""
    refuses_head: bool = False
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> "Loopback":
        self.ending = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"served": self}))
        self._server.daemon_threads = False
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/BBBC021/"

    def gets(self, name: str) -> list[Asked]:
        """The answers to GET of a file, in their order."""
        return [asked for asked in self.asked if asked.verb == "GET" and asked.name == name]

    def archives(self) -> list[Asked]:
        """All that was asked of archives."""
        return [asked for asked in self.asked if asked.name.endswith(".zip")]


class _Handler(BaseHTTPRequestHandler):
    served: Loopback

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:  # noqa: N802
        name = self.path.removeprefix("/BBBC021/")
        self.served.asked.append(Asked("HEAD", name, 0, 0))
        if name not in self.served.files or self.served.refuses_head:
            self.answer(405 if name in self.served.files else 404)
        else:
            self.answer(200, len(self.served.files[name]))

    def do_GET(self) -> None:  # noqa: N802
        name = self.path.removeprefix("/BBBC021/")
        queue = self.served.mishaps[name]
        mishap = self.served.forever.get(name) or (queue.pop(0) if queue else Mishap())
        status = mishap.status or (200 if name in self.served.files else 404)
        if len(self.served.asked) >= LIMIT or status != 200:
            self.served.asked.append(Asked("GET", name, 0, 0))
            self.answer(503 if len(self.served.asked) >= LIMIT else status)
            return
        self.send_file(name, self.served.files[name], mishap)

    def send_file(self, name: str, content: bytes, mishap: Mishap) -> None:
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        asked_for = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        ranged = asked_for is not None and not mishap.ignore_range and self.headers.get("If-Range", tag) == tag
        start = int(asked_for[1]) + mishap.shift if asked_for and ranged else 0
        body = content[start:][: mishap.stop_after]
        self.served.asked.append(Asked("GET", name, start, len(body)))
        said = len(content) + mishap.longer
        if ranged and start >= len(content):
            self.answer(416, 0, **{"Content-Range": f"bytes */{len(content)}"})
            return
        extra = {"Content-Range": f"bytes {start}-{said - 1}/{said}"} if ranged else {}
        self.answer(206 if ranged else 200, None if mishap.no_length else said - start, ETag=tag, **extra)
        self.wfile.write(body)
        self.wfile.flush()
        if mishap.stall:
            self.served.ending.wait(20)

    def answer(self, status: int, length: int | None = 0, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
