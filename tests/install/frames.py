"""Whether an Ethernet frame on the bridge was meant for beyond it."""

import ipaddress
import struct
from dataclasses import dataclass

IPV4, IPV6, TCP, UDP = 0x0800, 0x86DD, 6, 17


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
        return frame.protocol not in (TCP, 1) or (frame.port is not None and frame.port < EPHEMERAL)
    if target.version == 4:
        return target not in network
    return True


EPHEMERAL = 32768
