"""Whose call it was that the kernel told of."""

import sys
from pathlib import Path

import pytest

from appliance.doctor.witness import Witnessed

SOCKETS, ENGINE = "/usr/lib/python3.11/lib-dynload/_socket.cpython-311.so", "/usr/lib/libengine.so"
PYTHON = str(Path(sys.executable).resolve())


@pytest.mark.parametrize(
    ("libraries", "nearest", "by_python"),
    [
        ((SOCKETS, ENGINE, PYTHON), SOCKETS, True),
        ((ENGINE, SOCKETS, PYTHON), ENGINE, True),
        ((ENGINE, PYTHON), ENGINE, False),
        ((PYTHON, ENGINE), PYTHON, True),
        ((), "", False),
    ],
    ids=["nearest", "behind what an earlier call left", "an engine below Python", "built into Python", "unknown"],
)
def test_python_s_own_socket_module_is_found_on_the_stack(libraries, nearest, by_python):
    told = Witnessed(1, "python (1)", "socket of AF_INET", libraries)

    assert (told.library, told.by_python) == (nearest, by_python)
