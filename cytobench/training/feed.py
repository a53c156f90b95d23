"""Batches read ahead by a thread, so that training never waits for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

from cytobench.method import CellBatch

AHEAD = 3
"""Batches that wait to be trained on."""


def read_ahead(batches: Iterator[CellBatch], device: torch.device) -> Generator[CellBatch]:
    """Yield ``batches`` in their order on ``device``; an error of the reader is raised here, at its place."""
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        waiting = deque(reader.submit(_next, batches, device) for _ in range(AHEAD))
        try:
            while (batch := waiting.popleft().result()) is not None:
                waiting.append(reader.submit(_next, batches, device))
                yield batch.to(device)
        finally:
            for batch_to_come in waiting:
                batch_to_come.cancel()


def _next(batches: Iterator[CellBatch], device: torch.device) -> CellBatch | None:
    batch = next(batches, None)
    if batch is None or device.type != "cuda":
        return batch
    return batch.map(torch.Tensor.pin_memory)  # copied to the accelerator while it computes
