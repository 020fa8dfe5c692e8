"""`python -m tests.install.watcher BRIDGE GATEWAY FILE`: writes down every frame that wants to leave, until SIGTERM."""

import json
import socket
import sys
from dataclasses import asdict
from pathlib import Path

from tests.install.frames import leaves, parse

ALL_PROTOCOLS = 0x0003
LARGEST_BYTES = 65536


def watch(bridge: str, gateway: str, file: Path) -> None:
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
