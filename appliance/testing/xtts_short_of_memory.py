"""The XTTS process with a model for which memory runs out above so many rows in a pass: for tests of going on then."""

from typing import Any

import torch

from appliance.engines.xtts_process import server
from appliance.engines.xtts_process.isolation import Network

MOST_ROWS = 3
NO_MACHINE_HAS_BYTES = 1 << 55


def main(network: Network, options: str, descriptor: str) -> int:
    """Serve as the real process does."""
    return server.main(network, options, descriptor, service=lambda told: server.model_service(told, _short_of_memory))


def _short_of_memory(loaded: Any) -> None:
    inference = loaded.gpt.gpt_inference
    generate = inference.generate

    def generate_if_it_fits(ids: torch.Tensor, **search: Any) -> torch.Tensor:
        if len(ids) > MOST_ROWS:
            # The real allocator refuses, with the error that it has for it.
            torch.empty(NO_MACHINE_HAS_BYTES, dtype=torch.uint8)
        return generate(ids, **search)

    inference.generate = generate_if_it_fits
