"""Installs models: each from the best source that gives it, checked, in one step."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.catalog.fetch import Fetcher, Fetching, WantedFile
from appliance.catalog.fetch_folder import FolderFetcher
from appliance.catalog.fetch_hub import HubFetcher
from appliance.catalog.fetch_mirror import MirrorFetcher
from appliance.catalog.fetch_package import PackageFetcher
from appliance.catalog.lock import models_lock
from appliance.catalog.model import FolderSource, HubSource, MirrorSource, Model, PackageSource, Source
from appliance.catalog.progress import PullProgress, Silence
from appliance.catalog.staging import Staging
from appliance.catalog.store import ModelStore
from appliance.errors import LicenceRefused, MeeshyError, ModelCorrupt, PullFailed


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of one model; `source` is the kind that finished it, `reason` why it was skipped."""

    model_id: str
    state: Literal["present", "pulled", "skipped"]
    source: str | None = None
    reason: str | None = None


def pull(store: ModelStore, names: Iterable[str], progress: PullProgress | None = None) -> list[Pulled]:
    """Install the models that names of sets or models stand for and return what became of each, in order.

    A model that the licence policy forbids is skipped as a member of a set and raises LicenceRefused by its own name.
    Raises PullFailed with every source's reason; models that were finished before stay installed.
    """
    names = list(names)
    models = store.catalog.named(names)
    with models_lock(store.root):
        try:
            return [_pull_one(store, model, model.id in names, progress or Silence()) for model in models]
        finally:
            shutil.rmtree(store.root / ".staging" / ".tools", ignore_errors=True)


def _pull_one(store: ModelStore, model: Model, by_name: bool, progress: PullProgress) -> Pulled:
    try:
        store.check_licence(model.id)
    except LicenceRefused as refusal:
        if by_name:
            raise
        return Pulled(model.id, "skipped", reason=refusal.detail)
    if store.check(model.id).state in ("installed", "unpinned"):
        return Pulled(model.id, "present")
    staging = Staging(store.staging(model.id))
    try:
        staging.prepare()
        source = _from_sources(store, model, staging, progress)
        _install(store, model, staging)
    except OSError as error:
        raise PullFailed(f"{model.id} cannot be written to {store.root}: {error.strerror or error}.") from error
    progress.end(model.id)
    return Pulled(model.id, "pulled", source=source)


def _from_sources(store: ModelStore, model: Model, staging: Staging, progress: PullProgress) -> str:
    """Fill the staging folder from one source after the other and return the kind of the one that finished it."""
    _keep_what_is_good(store, model, staging)
    reasons = []
    for source in model.sources:
        fetcher = _fetcher(store, model, source)
        if fetcher is None:
            continue
        wanted = _wanted(store, model, staging)
        if not wanted:
            return source.kind
        fetching = Fetching(model, wanted, staging, lambda n: progress.advance(model.id, n))
        progress.begin(model.id, source.kind, fetcher.total_bytes(fetching))
        try:
            fetcher.fetch(fetching)
            return source.kind
        except (PullFailed, ModelCorrupt) as error:
            reasons.append((source.kind, error))
            progress.failed(model.id, source.kind, error.detail)
    raise _no_source(model, reasons)


def _keep_what_is_good(store: ModelStore, model: Model, staging: Staging) -> None:
    """Copy the good files of a damaged or half-removed installation into the staging folder."""
    for file in store.check(model.id).files:
        target = staging.files / file.path
        if file.state == "installed" and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(store.folder(model.id) / file.path, target)


def _wanted(store: ModelStore, model: Model, staging: Staging) -> list[WantedFile]:
    wanted = [WantedFile(file, store.expected_sha256(model, file)) for file in model.files]
    return [item for item in wanted if not staging.holds(item.file, item.sha256)]


def _fetcher(store: ModelStore, model: Model, source: Source) -> Fetcher | None:
    """Return what gets files from a source, None for a kind that the site has not configured."""
    settings = store.settings
    match source:
        case PackageSource():
            return PackageFetcher(source, store.root / ".staging" / ".tools")
        case HubSource():
            return HubFetcher(source)
        case MirrorSource():
            base = settings.model_mirror_url.rstrip("/")
            return MirrorFetcher(f"{base}/{source.path or model.id}") if base else None
        case FolderSource():
            folder = settings.model_folder
            return FolderFetcher(Path(folder) / (source.path or model.id)) if folder else None
        case _:
            return FolderFetcher(store.catalog.checkout / source.path)


def _install(store: ModelStore, model: Model, staging: Staging) -> None:
    """Put the finished files where the model belongs; a damaged installation makes room in the same moment."""
    folder = store.folder(model.id)
    old = staging.root / "old"
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    staging.files.rename(folder)
    store.check(model.id)
    staging.clear()


def _no_source(model: Model, reasons: list[tuple[str, MeeshyError]]) -> PullFailed:
    if not reasons:
        kinds = " or ".join(sorted({source.kind for source in model.sources}))
        return PullFailed(
            f"{model.id} comes from a {kinds} only; set MEESHY_MODEL_FOLDER or MEESHY_MODEL_MIRROR_URL and pull again."
        )
    told = "; ".join(f"{kind}: {error.detail}" for kind, error in reasons)
    return PullFailed(f"{model.id} could not be fetched ({told}); what has arrived is kept for the next pull.")
