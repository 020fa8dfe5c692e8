"""Which object store the settings mean."""

from pathlib import Path

from appliance.settings import Settings
from appliance.storage.folder import FolderStore
from appliance.storage.objects import ObjectStore


def open_store(settings: Settings) -> ObjectStore:
    """Return the S3 store where an endpoint is set, else the folder in the data folder; nothing connects yet."""
    if not settings.s3_endpoint:
        return FolderStore(_folder(settings), settings.disk_reserve_bytes)
    # Here and not above: the SDK costs an appliance without S3 a tenth of a second at every start.
    from appliance.storage.s3 import S3Store
    from appliance.storage.s3_client import s3_client

    client = s3_client(
        settings.s3_endpoint,
        settings.s3_access_key,
        settings.s3_secret_key,
        secure=settings.s3_secure,
        region=settings.s3_region,
    )
    return S3Store(client, settings.s3_bucket)


def unmade_folder(settings: Settings) -> Path | None:
    """Return the folder that opening the object store would make; None where it is there, or on a server."""
    return None if settings.s3_endpoint or _folder(settings).exists() else _folder(settings)


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "objects"
