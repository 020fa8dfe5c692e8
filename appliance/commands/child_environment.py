"""The environment of a process that shall work with the settings of the one that starts it."""

import os

from appliance.settings import Settings, from_credentials

_SYSTEMDS = frozenset({"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})


def child_environment(settings: Settings) -> dict[str, str]:
    """Return this process's environment with every setting as its variable, for a child that reads them anew.

    Without those that are in files which the child can read as well (`read_settings`): variables can be read by whoever
    may read the process. And systemd listens to this process, not to its children.
    """
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("MEESHY_") and key not in _SYSTEMDS
    }
    for name in type(settings).model_fields.keys() - from_credentials():
        environment[f"MEESHY_{name.upper()}"] = str(getattr(settings, name))
    return environment
