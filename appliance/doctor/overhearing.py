"""Listening to this process's own Python: which line of code wanted a network, which the kernel cannot tell."""

import sys
import sysconfig
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from appliance.doctor.walls import NETLINK, UNIX

_MOST_FRAMES = 6
_BY_FILE_DESCRIPTOR = -1
_WITH_ADDRESS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"})
_WITH_NAME = frozenset({
    "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyname_ex", "socket.gethostbyaddr",
    "socket.getnameinfo",
})  # fmt: skip
_STANDARD_LIBRARY = sysconfig.get_path("stdlib")
_PACKAGES = ("site-packages", "dist-packages")

Tell = Callable[[str, tuple[str, ...], int], None]
"""Takes what was tried, where (lines of code, the innermost first), and the id of the thread."""


def overhear(tell: Tell) -> None:
    """Have every attempt of this process's Python told, for as long as the process lives."""
    telling = threading.local()

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if not event.startswith("socket.") or getattr(telling, "now", False):
            return
        telling.now = True
        try:
            what = _tried(event, arguments)
            if what is not None:
                tell(what, _where(sys._getframe(1)), threading.get_native_id())
        finally:
            telling.now = False

    sys.addaudithook(heard)


def _tried(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Return what was tried, None where it reaches no network."""
    name = event.removeprefix("socket.")
    if event == "socket.__new__":
        family = arguments[1]
        return None if family in (UNIX, NETLINK, _BY_FILE_DESCRIPTOR) else "socket"
    if event in _WITH_ADDRESS:
        asked, address = arguments[:2]
        return None if asked.family in (UNIX, NETLINK) or address is None else f"{name} {address!r}"
    return f"{name} {arguments[0]!r}" if event in _WITH_NAME else None


def _where(frame: FrameType | None) -> tuple[str, ...]:
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    own = [each for each in frames if not _standard(each.f_code.co_filename)] or frames
    return tuple(_line(each) for each in own[:_MOST_FRAMES])


def _standard(file: str) -> bool:
    return file.startswith(("<frozen", _STANDARD_LIBRARY)) and not any(each in file for each in _PACKAGES)


def _line(frame: FrameType) -> str:
    file = "/".join(frame.f_code.co_filename.rsplit("/", 3)[-3:])
    return f"{file}:{frame.f_lineno} in {frame.f_code.co_qualname}"
