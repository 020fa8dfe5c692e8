"""Which second cache level the settings mean."""

from appliance.cache.database_cache import DatabaseCache
from appliance.cache.interface import Cache
from appliance.cache.kinds import DATABASE_ONLY, Kind, lasts_s
from appliance.settings import Settings
from appliance.storage.database import Database


def open_cache(settings: Settings, database: Database) -> Cache:
    """Return the cache in Redis where an address is set, else the one in the database; nothing connects yet."""
    if not settings.cache_redis_url:
        return DatabaseCache(database)
    # Here and not above: the client costs a command without it a twentieth of a second.
    from appliance.cache.redis_cache import RedisCache

    kinds = [kind for kind in Kind if kind not in DATABASE_ONLY]
    return RedisCache(settings.cache_redis_url, {kind: lasts_s(settings, kind) for kind in kinds})
