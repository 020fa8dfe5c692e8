"""Writes down every frame on a bridge that is to leave it, until SIGTERM: `python watcher.py BRIDGE GATEWAY FILE`."""

import ipaddress
import json
import socket
import struct
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

IPV4, IPV6, ICMP, TCP, UDP = 0x0800, 0x86DD, 1, 6, 17
EPHEMERAL = 32768
ALL_PROTOCOLS = 0x0003
LARGEST_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Frame:
    """Where an IP packet goes."""

    source: str
    target: str
    protocol: int
    port: int | None


def parse(raw: bytes) -> Frame | None:
    """Return where a frame's IP packet goes; None for everything else, such as ARP."""
    if len(raw) < 14:
        return None
    kind, packet = struct.unpack("!H", raw[12:14])[0], raw[14:]
    if kind == IPV4 and len(packet) >= 20:
        source, target, protocol, rest = packet[12:16], packet[16:20], packet[9], packet[(packet[0] & 15) * 4 :]
    elif kind == IPV6 and len(packet) >= 40:
        source, target, protocol, rest = packet[8:24], packet[24:40], packet[6], packet[40:]
    else:
        return None
    port = struct.unpack("!H", rest[2:4])[0] if protocol in (TCP, UDP) and len(rest) >= 4 else None
    return Frame(str(ipaddress.ip_address(source)), str(ipaddress.ip_address(target)), protocol, port)


def leaves(frame: Frame, gateway: str) -> bool:
    """Return whether a machine sent this to leave the bridge, or asked the gateway for something.

    Multicast and link-local packets end at the bridge. Answers to what the gateway itself began are no way out: it
    is the client of the tests, on ports that the system gave it.
    """
    target, network = ipaddress.ip_address(frame.target), ipaddress.ip_network(f"{gateway}/24", strict=False)
    if frame.source == gateway or target.is_multicast or target.is_link_local:
        return False
    if frame.target == gateway:
        return frame.protocol not in (TCP, ICMP) or (frame.port is not None and frame.port < EPHEMERAL)
    if target.version == 4:
        return target not in network
    return True


def watch(bridge: str, gateway: str, file: Path) -> None:
    """Write down what wants to leave, for ever."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)) as tap, file.open("w") as seen:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        tap.bind((bridge, 0))
        sys.stdout.write("watching\n")
        sys.stdout.flush()
        while True:
            frame = parse(tap.recv(LARGEST_BYTES))
            if frame is not None and leaves(frame, gateway):
                seen.write(json.dumps(asdict(frame)) + "\n")
                seen.flush()


if __name__ == "__main__":
    watch(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
