"""Drawing tokens so that a row's reading depends on its own seed alone, whoever shares its batch.

torch's own sampling takes all rows' chances from one stream, in which a row's place and its neighbours decide what it
gets. Here each row has a stream, drawn before the first step; the search then only follows what was drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

_SEEDS = 1 << 63


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn, from the model's own configuration; `greedy` always takes the likeliest."""

    temperature: float
    top_k: int
    top_p: float
    repetition_penalty: float
    greedy: bool = False

    def processors(self, seeds: Sequence[int], prefix: int, steps: int, device: torch.device) -> LogitsProcessorList:
        """Return what turns the scores of rows with these seeds into their next tokens.

        `prefix` is how many ids stand before the first token, `steps` how many tokens may come.
        """
        if self.greedy:
            return LogitsProcessorList()
        # The library asks for one candidate at least; top_p 1 would filter nothing.
        warpers: list[LogitsProcessor] = [TemperatureLogitsWarper(self.temperature), TopKLogitsWarper(self.top_k)]
        if self.top_p < 1:
            warpers.append(TopPLogitsWarper(self.top_p))
        return LogitsProcessorList([*warpers, DrawnByRow(seeds, prefix, steps, device)])


class DrawnByRow(LogitsProcessor):
    """Leaves each row the one token that its own stream of chances has drawn, by inverting the distribution."""

    def __init__(self, seeds: Sequence[int], prefix: int, steps: int, device: torch.device) -> None:
        """Draw every row's chances, `steps` of them, on the CPU: a device's generator would give other ones."""
        streams = [torch.Generator().manual_seed(seed % _SEEDS) for seed in seeds]
        drawn = torch.stack([torch.rand(steps, generator=stream, dtype=torch.float64) for stream in streams])
        self._chances = drawn.to(device)
        self._prefix = prefix

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return the scores [rows, tokens] with everything but the drawn token at minus infinity."""
        step = input_ids.shape[1] - self._prefix
        mass = torch.softmax(scores.double(), dim=-1).cumsum(dim=-1)
        wanted = self._chances[:, step : step + 1] * mass[:, -1:]
        # Strictly above: a token without any mass can never be the first.
        token = torch.searchsorted(mass, wanted, right=True).clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, token, 0.0)
