"""Where the appliance's own servers listen: the database, Redis and the object store, as the settings name them.

None of them is a place for a webhook, whatever the site's list says: a POST is a command to some of them.
"""

from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

import sqlalchemy as sa

from appliance.settings import Settings

_POSTGRESQL_PORT, _REDIS_PORT = 5432, 6379
Endpoint = tuple[str, int]
"""A host's name or address, in lower case, and a port."""


def own_servers(settings: Settings) -> frozenset[Endpoint]:
    """Return the endpoints of the servers that the settings name; sockets in the file system have none."""
    return _endpoints(
        settings.database_url, (settings.redis_url, settings.cache_redis_url), settings.s3_endpoint, settings.s3_secure
    )


@lru_cache(maxsize=4)
def _endpoints(database: str, redis: tuple[str, ...], s3: str, s3_secure: bool) -> frozenset[Endpoint]:
    found = [*_of_database(database), *(_of_url(f"//{s3}", 443 if s3_secure else 80) if s3 else ())]
    for url in filter(None, redis):
        found += _of_url(url, _REDIS_PORT)
    return frozenset((host.lower().rstrip("."), port) for host, port in found)


def _of_url(url: str, port: int) -> Iterator[Endpoint]:
    parts = urlsplit(url)
    if parts.hostname and parts.scheme != "unix":
        yield parts.hostname, parts.port or port


def _of_database(text: str) -> Iterator[Endpoint]:
    """Yield each host of a PostgreSQL URL: libpq takes several, with ports of their own, and in the query too."""
    url = sa.make_url(text) if text else None
    if url is None or url.get_backend_name() == "sqlite":
        return
    if url.host:
        yield url.host, url.port or _POSTGRESQL_PORT
    ports = _listed(url, "port")
    for number, entry in enumerate(_listed(url, "host") + _listed(url, "hostaddr")):
        if entry.startswith("/"):
            continue
        parts = urlsplit(f"//{entry}" if entry.count(":") < 2 else f"//[{entry}]")
        told = ports[min(number, len(ports) - 1)] if ports else url.port or _POSTGRESQL_PORT
        yield parts.hostname or "", parts.port or int(told)


def _listed(url: sa.URL, name: str) -> list[str]:
    told = url.query.get(name, ())
    return [entry for part in ((told,) if isinstance(told, str) else told) for entry in part.split(",") if entry]
