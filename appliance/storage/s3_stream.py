"""An object of an S3 server as a seekable stream, of which only the wanted bytes are fetched."""

import io
from collections.abc import Callable


class S3Stream(io.RawIOBase):
    """Every read is one request for exactly its bytes, so no connection waits for a slow reader."""

    def __init__(self, fetch: Callable[[int, int], bytes], size_bytes: int) -> None:
        """Stand at the start; `fetch` returns so many bytes (second) from a position on (first)."""
        super().__init__()
        self._fetch = fetch
        self._size_bytes = size_bytes
        self._position = 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be positioned."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, asking nobody, and return the new position in bytes."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size_bytes}[whence]
        if start + offset < 0:
            raise ValueError("a position before the start")
        self._position = start + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes: `size` of them, fewer only at the end; all that is left when it is negative."""
        if self.closed:
            raise ValueError("the stream is closed")
        left = max(0, self._size_bytes - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted == 0:
            return b""
        content = self._fetch(self._position, wanted)
        self._position += len(content)
        return content

    def readall(self) -> bytes:
        """Return all bytes that are left."""
        return self.read()

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill the buffer as far as the content goes, and return how many bytes that were."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)
