"""A house's API on a real port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.api.app import create_app
from appliance.api.server import ApiServer
from tests.integration.api_house import House

LONG_S = 60


@contextmanager
def serving(house: House) -> Iterator[int]:
    """Yield the port of a server that answers, and stop it in the end."""
    server = ApiServer(create_app(house.parts), "127.0.0.1", 0)
    ready = threading.Event()
    ports: list[int] = []

    def announce(port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(target=server.run, args=(announce,))
    thread.start()
    try:
        assert ready.wait(LONG_S)
        assert ports == [server.port]
        yield server.port
    finally:
        server.stop()
        thread.join(LONG_S)
        assert not thread.is_alive()
