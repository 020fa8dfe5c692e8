"""An open file descriptor as a file object."""

import io
import os


class DescriptorFile(io.RawIOBase):
    """Reads a descriptor with plain read(2) and lseek(2), the only calls that the decoder's sandbox leaves for files.

    Python's own file objects ask for the file's kind and size first, which the sandbox refuses.
    """

    def __init__(self, fd: int) -> None:
        """Take over a seekable descriptor."""
        self._fd = fd

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        return os.read(self._fd, size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to an offset and return the position."""
        return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True
