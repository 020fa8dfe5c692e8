"""HTTP as the server reads it: httptools' parser, with a bound on what it keeps beside bodies."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

BESIDE_BODY_MAX_BYTES = 64 * 1024
"""Of a request's first line, headers, trailers and chunk lines together. The parser has no limit of its own and keeps
a header until it ends, so that a client could fill the memory before any key is looked at. Bodies have their own.
What came with a request's first bytes, at most 256 KiB, is not counted."""
FRAME_BYTES = 32
"""What a chunk's line may add to it, so that a long recording may come in many small chunks."""


class BoundedHttp(HttpToolsProtocol):
    """One connection; a request whose head is too long is answered with 400 and the connection closed."""

    _beside_body_bytes = 0

    def on_message_begin(self) -> None:
        """Count a new request."""
        self._beside_body_bytes = 0
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body out of the count."""
        # Never below nothing: small chunks would gather credit for trailers without end.
        self._beside_body_bytes = max(0, self._beside_body_bytes - len(body) - FRAME_BYTES)
        super().on_body(body)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and end the connection where it is too much."""
        if self.transport.is_closing():
            return
        self._beside_body_bytes += len(data)
        super().data_received(data)
        if self._beside_body_bytes > BESIDE_BODY_MAX_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")
