"""Train starter language packs from the phrase corpus: `python -m models.packs.train en-fr en-es --minutes 30`.

Directions named together share one network while they train (only the decoder's start token tells them apart) and get
a pack each. A second, short run with `--start-from` on one direction polishes it. Needs installer/locks/train.in.
"""

import random
import tempfile
from pathlib import Path

import click
import sentencepiece
import torch
from transformers import MarianMTModel

from models.packs.archive import write_pack
from models.packs.checkpoint import Checkpoint
from models.packs.export import save_int8
from models.packs.fragments import find_fragments
from models.packs.loop import fit
from models.packs.mixture import Direction
from models.packs.noise import shared_names
from models.packs.phrases import RECORDINGS_ORIGIN, direction_pairs, load_base
from models.packs.vocabulary import train_vocabulary

CORPUS = Path(__file__).parent.parent / "corpus"
VARIANTS_PER_TEMPLATE = 120
VOCABULARY_SIZE = 3000


def read_direction(corpus: Path, source: str, target: str, seed: int) -> Direction:
    """Gather one direction's training text; held-out phrases are not in it."""
    base = direction_pairs(corpus, source, target, 0, seed)
    pairs = direction_pairs(corpus, source, target, VARIANTS_PER_TEMPLATE, seed)
    recorded = {phrase.text(source) for phrase in load_base(corpus) if phrase.origin == RECORDINGS_ORIGIN}
    pools = {
        "base": base,
        "variants": pairs[len(base) :],
        "fragments": list(find_fragments(base)),
        # From `base`, which has one translation per source text: two would fight.
        "recordings": [pair for pair in base if pair[0] in recorded],
    }
    return Direction(source, target, pools, shared_names(base))


def new_vocabulary(directions: list[Direction], seed: int) -> bytes:
    """Train the vocabulary on all written sentences and as many variants, of all three languages."""
    rng = random.Random(seed)  # noqa: S311 - a repeatable draw
    pairs = []
    for direction in directions:
        base, variants = direction.pools["base"], direction.pools["variants"]
        pairs += [*base, *rng.sample(variants, min(len(base), len(variants)))]
    return train_vocabulary((text for pair in pairs for text in pair), VOCABULARY_SIZE)


def write_packs(checkpoint: Checkpoint, directions: list[Direction], out: Path, sentences: int) -> None:
    """Write one `.argosmodel` per direction into `out`."""
    for direction in directions:
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model"
            save_int8(checkpoint.network, checkpoint.pieces, direction.target, model)
            name = f"{direction.source}_{direction.target}.argosmodel"
            write_pack(out / name, direction.source, direction.target, checkpoint.vocabulary, model, sentences)


@click.command()
@click.argument("directions", nargs=-1, required=True, metavar="SOURCE-TARGET...")
@click.option("--minutes", default=30.0, show_default=True, help="Wall clock for the training itself.")
@click.option("--threads", default=2, show_default=True, help="Two runs of 1 beat one run of 2.")
@click.option("--seed", default=1, show_default=True)
@click.option("--rate", default=1e-3, show_default=True, help="Peak learning rate; 3e-4 suits a polishing run.")
@click.option("--dropout", default=0.1, show_default=True)
@click.option("--corpus", default=CORPUS, type=click.Path(path_type=Path, exists=True), show_default=True)
@click.option("--out", default=Path(__file__).parent, type=click.Path(path_type=Path, file_okay=False))
@click.option("--every", default=0.0, help="Also write everything every so many minutes; 0: only at the end.")
@click.option("--save", type=click.Path(path_type=Path), help="Also write a checkpoint, for --start-from.")
@click.option("--start-from", type=click.Path(path_type=Path, exists=True))
def train(
    directions: tuple[str, ...],
    minutes: float,
    threads: int,
    seed: int,
    rate: float,
    dropout: float,
    corpus: Path,
    out: Path,
    every: float,
    save: Path | None,
    start_from: Path | None,
) -> None:
    """Train packs for the directions, e.g. en-fr en-es, that share one network."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    sentencepiece.set_random_generator_seed(seed)
    texts = [read_direction(corpus, *name.split("-"), seed) for name in directions]
    for text in texts:
        sizes = ", ".join(f"{len(pool):,} {name}" for name, pool in text.pools.items())
        click.echo(f"{text.source}>{text.target}: {sizes}")
    if start_from:
        checkpoint = Checkpoint.load(start_from, dropout)
    else:
        checkpoint = Checkpoint.untrained(new_vocabulary(texts, seed), dropout)
    out.mkdir(parents=True, exist_ok=True)
    sentences = len(load_base(corpus))
    written_min = 0.0

    def write(averaged: MarianMTModel) -> None:
        finished = Checkpoint(checkpoint.vocabulary, averaged)
        write_packs(finished, texts, out, sentences)
        if save:
            finished.save(save)

    def report(step: int, loss: float, used_min: float, averaged: MarianMTModel) -> None:
        nonlocal written_min
        click.echo(f"{used_min:5.1f} of {minutes:g} min, step {step}, loss {loss:.3f}")
        if every and used_min - written_min >= every:
            written_min = used_min
            write(averaged)

    network = checkpoint.network
    write(fit(network, texts, checkpoint.pieces, minutes=minutes, peak_rate=rate, seed=seed, report=report))


if __name__ == "__main__":
    train()
