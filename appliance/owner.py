"""Who everything belongs to: rows, cache keys, limits, voices."""

import msgspec


class Owner(msgspec.Struct, frozen=True):
    """A user of an application; two applications' users with the same name are two owners."""

    application_id: str
    user_id: str
