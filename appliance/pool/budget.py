"""What a worker process takes of a device's memory: weights from the catalog, working memory reckoned.

Weights are the catalog's `memory_bytes`. What a slot needs while it works was reckoned for the largest batches and not
measured on a GPU; a site that has measured its own writes `slot_gib` into the inventory.
"""

from collections.abc import Mapping

from appliance.catalog.catalog import Catalog
from appliance.catalog.model import Model, Task
from appliance.errors import CommandFailed
from appliance.workers.roles import ROLES

MIB = 1 << 20

KEPT_FREE = 0.1
"""Share of a device's memory that stays free: fragments, the driver, a batch of unusual length."""

GPU_PROCESS_BYTES = 512 * MIB
"""CUDA's context and its libraries' workspaces, once per process."""
GPU_SLOT_BYTES: Mapping[str, int] = {"hear": 3072 * MIB, "synthesize": 2048 * MIB}
"""hear, large-v3 in 16 bits with 8 clips and beam 5: keys and values of 1,500 encoder positions in 32 layers 2.0 GB, of
about 128 tokens in 40 beams 0.8 GB. synthesize, XTTS-v2 with 4 voices: keys and values of about 1,000 positions in 30
layers 1 GB in 32 bits, the vocoder's activations about as much."""
CPU_PROCESS_BYTES = 300 * MIB
"""Python with the runtimes' libraries, before a model."""
CPU_SLOT_BYTES: Mapping[str, int] = {"hear": 256 * MIB, "synthesize": 256 * MIB}
"""Beside the catalog's figures for a CPU, which were measured with one small batch."""

PACKS_AT_ONCE_BYTES = 1024 * MIB
"""ArgosTranslator keeps no more than this loaded."""

OWN_PROCESS_BYTES: Mapping[str, int] = {"xtts": 900 * MIB}
"""Engines that run in a process of their own, with what that process takes beside the weights of its network: with two
layers of 64 channels it had 980 MiB resident after a batch on the CPU."""

_TASKS: Mapping[str, tuple[Task, ...]] = {
    "hear": ("transcription", "speaker-encoder"),
    "translate": ("translation",),
    "synthesize": ("synthesis", "speaker-encoder"),
    "finish": (),
    # A slot judges a sample or listens to messages, never both at once.
    "enrol": ("transcription", "speaker-encoder"),
}


def process_bytes(
    catalog: Catalog, preset: str, role: str, *, slots: int, on_gpu: bool, slot_bytes: int | None = None
) -> int:
    """Return the bytes that one process of a role with so many slots takes: weights once, working memory per slot."""
    families = ROLES[role]
    tasks = {task for family in families for task in _TASKS[family]}
    own = OWN_PROCESS_BYTES.get(_first(catalog, preset, "synthesis").engine, 0)
    if not on_gpu and not own:
        # Every worker opens the synthesizer's network: it publishes which languages are spoken.
        tasks.add("synthesis")
    reckoned = GPU_SLOT_BYTES if on_gpu else CPU_SLOT_BYTES
    each = slot_bytes if slot_bytes is not None else sum(reckoned.get(family, 0) for family in families)
    once = GPU_PROCESS_BYTES if on_gpu else CPU_PROCESS_BYTES
    if own and "synthesize" in families:
        # On a GPU the second process has CUDA's context again; one that only speaks has no use for its own.
        once += (GPU_PROCESS_BYTES if "hear" in families else 0) if on_gpu else own
    return once + sum(_weights(catalog, preset, task) for task in sorted(tasks)) + slots * each


def _weights(catalog: Catalog, preset: str, task: Task) -> int:
    if task == "translation":
        _first(catalog, preset, task)
        return min(PACKS_AT_ONCE_BYTES, sum(model.memory_bytes for model in catalog.of_set(preset, task=task)))
    return _first(catalog, preset, task).memory_bytes


def _first(catalog: Catalog, preset: str, task: Task) -> Model:
    found = catalog.of_set(preset, task=task)
    if not found:
        raise CommandFailed(f"The model preset '{preset}' has no model for {task}.")
    return found[0]
