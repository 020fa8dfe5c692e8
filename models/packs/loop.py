"""The training loop: label-smoothed cross-entropy, AdamW, a moving average of the weights, a budget in minutes."""

import copy
import random
import time
from collections.abc import Callable

import sentencepiece
import torch
from transformers import MarianMTModel

from models.packs.mixture import Direction, Example, batches

WARM_UP_STEPS = 300
AVERAGE_DECAY = 0.998
LABEL_SMOOTHING = 0.1
PIECES_PER_BATCH = 500
REPORT_STEPS = 100
IGNORED = -100
Report = Callable[[int, float, float, MarianMTModel], None]
"""Told the step, the mean loss since the last report, the minutes used, and the averaged network so far."""


def fit(
    network: MarianMTModel,
    directions: list[Direction],
    pieces: sentencepiece.SentencePieceProcessor,
    *,
    minutes: float,
    peak_rate: float,
    seed: int,
    report: Report,
) -> MarianMTModel:
    """Train `network` for `minutes` of wall clock and return the moving average of its weights.

    The learning rate rises over the first steps and falls to a twentieth of `peak_rate` as the time runs out, so a run
    is repeatable in its data and not in its last weights.
    """
    averaged = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=peak_rate, betas=(0.9, 0.98), weight_decay=0.01)
    network.train()
    started_s = time.monotonic()
    loss_sum, since = 0.0, 0
    stream = batches(directions, pieces, random.Random(seed), PIECES_PER_BATCH)  # noqa: S311 - a repeatable draw
    for step, batch in enumerate(stream, start=1):
        used = (time.monotonic() - started_s) / 60
        rate = peak_rate * min(step / WARM_UP_STEPS, 1.0) * max(1.0 - used / minutes, 0.05)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = batch_loss(network, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _average(averaged, network, min(AVERAGE_DECAY, step / (step + 10)))
        loss_sum, since = loss_sum + loss.item(), since + 1
        if step % REPORT_STEPS == 0 or used >= minutes:
            report(step, loss_sum / since, used, averaged)
            loss_sum, since = 0.0, 0
        if used >= minutes:
            break
    return averaged


def batch_loss(network: MarianMTModel, batch: list[Example]) -> torch.Tensor:
    """Return the mean label-smoothed cross-entropy per target piece."""
    padding = network.config.pad_token_id
    source = _padded([example.source for example in batch], padding)
    labels = _padded([example.target for example in batch], IGNORED)
    given = _padded([[example.start, *example.target[:-1]] for example in batch], padding)
    logits = network(input_ids=source, attention_mask=(source != padding).long(), decoder_input_ids=given).logits
    # The last logit is the padding's, which is cut off in the exported model.
    logits = logits[..., :padding]
    return torch.nn.functional.cross_entropy(
        logits.reshape(-1, padding), labels.reshape(-1), ignore_index=IGNORED, label_smoothing=LABEL_SMOOTHING
    )


def _padded(rows: list[list[int]], value: int) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [value] * (longest - len(row)) for row in rows])


@torch.no_grad()
def _average(averaged: MarianMTModel, network: MarianMTModel, decay: float) -> None:
    for kept, new in zip(averaged.parameters(), network.parameters(), strict=True):
        kept.lerp_(new, 1.0 - decay)
