"""A TCP relay on loopback that counts what comes back through it and can break connections."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

READ_BYTES = 64 * 1024


class Relay:
    """Passes connections on to one server."""

    def __init__(self, target: str) -> None:
        host, port = target.split(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.answered_bytes = 0
        self._to_break = 0
        self._open: list[socket.socket] = []

    def break_next(self, requests: int) -> None:
        """Close the connection, unanswered, over which the next request comes, so many times."""
        self._to_break = requests

    def cut(self) -> None:
        """End every connection that is open, and go on taking new ones."""
        for end in self._open:
            _end(end)

    def run(self) -> None:
        """Take connections until the relay is closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self.connections += 1
                self._open += [client, server]
                for source, sink, answers in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=(source, sink, answers), daemon=True).start()

    def close(self) -> None:
        """End every connection and take no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._open:
            _end(end)
            end.close()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while block := source.recv(READ_BYTES):
                if answers:
                    self.answered_bytes += len(block)
                elif self._to_break:
                    self._to_break -= 1
                    break
                sink.sendall(block)
        _end(source)
        _end(sink)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(target: str) -> Iterator[Relay]:
    """Yield a running relay to `host:port`."""
    running = Relay(target)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield running
    finally:
        running.close()
        thread.join()
