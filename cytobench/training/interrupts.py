"""Ctrl-C between two steps, so that nothing of a training is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Whether somebody asked for an end; the second time is at once."""

    asked = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def between_steps() -> Iterator[Interrupt]:
    """Let Ctrl-C and a polite kill only be asked for; the caller looks after each step."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():  # only the main thread hears signals
        yield interrupt
        return
    before = {number: signal.signal(number, interrupt.ask) for number in SIGNALS}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
