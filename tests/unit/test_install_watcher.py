"""The watcher of the installation tests sees every way out, and takes nothing else for one."""

import ipaddress
import struct

import pytest

from tests.install.watcher import TCP, UDP, leaves, parse

GATEWAY = "10.219.7.1"
NODE = "10.219.7.11"


def frame(source, target, protocol=TCP, port=443):
    source, target = ipaddress.ip_address(source), ipaddress.ip_address(target)
    rest = struct.pack("!HH", 40000, port) + bytes(8)
    if source.version == 4:
        head = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, 20 + len(rest), 0, 0, 64, protocol, 0, source.packed, target.packed
        )
        return bytes(12) + b"\x08\x00" + head + rest
    head = struct.pack("!IHBB16s16s", 6 << 28, len(rest), protocol, 64, source.packed, target.packed)
    return bytes(12) + b"\x86\xdd" + head + rest


@pytest.mark.parametrize(
    "raw",
    [
        frame(NODE, "198.51.100.7"),
        frame(NODE, "198.51.100.7", UDP, 123),
        frame(NODE, GATEWAY, UDP, 53),
        frame(NODE, GATEWAY, TCP, 80),
        frame("fe80::1", "2001:db8::1"),
        frame(NODE, "10.220.0.1"),
        frame(NODE, "169.254.169.254")[:12] + frame(NODE, "198.51.100.254")[12:],
    ],
)
def test_ways_out(raw):
    assert leaves(parse(raw), GATEWAY)


@pytest.mark.parametrize(
    "raw",
    [
        frame(NODE, "10.219.7.12", TCP, 22),
        frame(GATEWAY, NODE, TCP, 443),
        frame(NODE, GATEWAY, TCP, 45123),
        frame(NODE, "224.0.0.22", 2),
        frame("fe80::1", "ff02::2", 58),
    ],
)
def test_what_stays(raw):
    assert not leaves(parse(raw), GATEWAY)


def test_what_is_no_ip_packet_is_nothing():
    assert parse(bytes(12) + b"\x08\x06" + bytes(28)) is None
    assert parse(b"short") is None
