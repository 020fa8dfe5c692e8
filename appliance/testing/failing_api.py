"""`meeshy api` that a request's header kills on its way: `python -m appliance.testing.failing_api PORT`.

The parent stands for the service manager: it starts the API again whenever it was killed, from a process that has
everything imported, so that a suite of hundreds of deaths is no suite of hundreds of imports.
"""

import os
import sys

from appliance.commands import api, api_process
from appliance.settings import Settings
from appliance.testing.fuse import Fuse, FusedStore, fused_app, fused_ringer

STARTED_AGAIN = "a killed API is started again"
"""Written to standard error before each start but the first."""


def _run(settings: Settings) -> None:
    fuse = Fuse()
    fuse.watch_statements()
    plain_store, plain_app = api_process.open_store, api_process.create_app
    # What the process is put together from is exchanged here; nothing on the path knows of failpoints.
    api_process.open_store = lambda settings: FusedStore(plain_store(settings), fuse)
    api_process.create_app = lambda parts: fused_app(plain_app(parts), fuse)
    api.RedisRinger = fused_ringer(fuse)
    api.run(settings)


def main(port: int) -> int:
    """Serve on a port, again after every death by a signal; return what the API returned otherwise."""
    settings = Settings().model_copy(update={"port": port})
    while True:
        child = os.fork()
        if child == 0:
            _run(settings)
            return 0
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return os.waitstatus_to_exitcode(status)
        sys.stderr.write(f"{STARTED_AGAIN}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
