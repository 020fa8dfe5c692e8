"""Going on when memory runs out: the batch is halved until it fits, and grows back row by row."""

import gc
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

Row = TypeVar("Row")
Done = TypeVar("Done")

_CPU_MESSAGES = ("can't allocate memory", "not enough memory", "Cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out; torch's CPU allocator has only a RuntimeError for it."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _CPU_MESSAGES)


class Rows:
    """How many rows go through the model together."""

    def __init__(self, most: int) -> None:
        """Begin with the most that a batch may have."""
        self.most = most
        self.now = most
        self.halvings = 0

    def in_batches(self, rows: Sequence[Row], run: Callable[[Sequence[Row]], list[Done]]) -> list[Done | None]:
        """Return what `run` gives for all rows, in order; None for a row that does not fit into memory even alone."""
        results: list[Done | None] = []
        while len(results) < len(rows):
            batch = rows[len(results) : len(results) + self.now]
            done = self._attempt(batch, run)
            if done is not None:
                results.extend(done)
                self.now = min(self.most, self.now + (len(batch) == self.now))
            elif len(batch) == 1:
                results.append(None)
            else:
                self.now = max(1, len(batch) // 2)
                self.halvings += 1
        return results

    def _attempt(self, batch: Sequence[Row], run: Callable[[Sequence[Row]], list[Done]]) -> list[Done] | None:
        try:
            return run(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Outside the handler: its traceback holds on to every tensor of the failed attempt.
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None
