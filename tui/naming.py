"""Short names of things that an appliance tells by several figures."""

from appliance.admin.schema import Gpu, Lane, Snapshot, Worker


def lane_named(snapshot: Snapshot | None, name: str | None) -> Lane | None:
    """Return the lane of this name."""
    lanes = snapshot.lanes if snapshot else ()
    return next((lane for lane in lanes if lane.name == name), None)


def worker_named(snapshot: Snapshot | None, worker_id: str | None) -> Worker | None:
    """Return the worker of this id."""
    workers = snapshot.workers if snapshot else ()
    return next((worker for worker in workers if worker.id == worker_id), None)


def has_dead_letters(lane: Lane) -> bool:
    """Tell whether what fails in a lane can be retried: a sample of a voice profile that failed is for its owner."""
    return lane.stage != "enrol"


def gpu_key(gpu: Gpu) -> str:
    """Return what tells a device from all others."""
    return gpu.uuid or f"{gpu.host}/{gpu.index}/{gpu.instance}/{gpu.mig}"


def gpu_name(snapshot: Snapshot, gpu: Gpu) -> str:
    """Return a short name of a device: `GPU0`, `GPU0/1/0 3g.20gb`, with its host where there are several."""
    hosts = {each.host for each in snapshot.gpus}
    index = "?" if gpu.index is None else gpu.index
    instance = f"/{gpu.instance}" if gpu.instance else ""
    profile = f" {gpu.mig}" if gpu.mig else ""
    return f"GPU{index}{instance}{profile}" + (f" {_short_host(hosts, gpu.host)}" if len(hosts) > 1 else "")


def _short_host(hosts: set[str], host: str) -> str:
    """Return a host without its domain, where that still tells all of them apart and they are no numbers."""
    labels = {each.split(".")[0] for each in hosts}
    return host.split(".")[0] if len(labels) == len(hosts) and not any(map(str.isdigit, labels)) else host


def memory_share(gpu: Gpu) -> float | None:
    """Return memory in use of all memory, None where either is not known."""
    if gpu.memory_used_bytes is None or not gpu.memory_total_bytes:
        return None
    return gpu.memory_used_bytes / gpu.memory_total_bytes
