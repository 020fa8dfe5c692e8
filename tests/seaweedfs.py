"""An S3 server of the tests' own: SeaweedFS on free ports, in a folder that goes away with it."""

import io
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3
from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from appliance.testing.standstill import standing_still

START_S = 60.0
PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
"""The parts of a server beside its S3 gateway."""

OFF = ("master.telemetry", "s3.iam", "s3.autoCreateBucket", "s3.port.iceberg", "s3.port.lance")
READY_BUCKET = "ready"


@dataclass
class SeaweedServer:
    """A server that demands signatures; it keeps its address and its objects when it is stopped and started."""

    program: Path
    folder: Path
    address: str = "127.0.0.1"
    endpoint: str = ""
    access_key: str = field(default_factory=lambda: secrets.token_hex(10))
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20))
    reader_key: str = field(default_factory=lambda: secrets.token_hex(10))
    reader_secret: str = field(default_factory=lambda: secrets.token_hex(20))
    _arguments: list[str] = field(default_factory=list)
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        s3, s3_grpc, *others = _free_ports(self.address, 2 + len(PORTS))
        self.endpoint = f"{self.address}:{s3}"
        identities = [
            _identity("appliance", self.access_key, self.secret_key, ["Admin", "Read", "Write", "List"]),
            _identity("reader", self.reader_key, self.reader_secret, ["Read", "List"]),
        ]
        (self.folder / "s3.json").write_text(json.dumps({"identities": identities}))
        options = {
            "dir": self.folder,
            "ip": self.address,
            "ip.bind": self.address,
            "s3": "true",
            "s3.config": self.folder / "s3.json",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "filer.localSocket": self.folder / "filer.sock",
            "s3.localSocket": self.folder / "s3.sock",
            "volume.max": 2000,  # every bucket takes a few
            "volume.preStopSeconds": 0,
            "master.volumeSizeLimitMB": 64,
            "master.electionTimeout": "1s",  # its default costs 20 s at every further start
            **dict(zip(PORTS, others, strict=True)),
        }
        options |= {name: "0" if ".port." in name else "false" for name in OFF}
        self._arguments = [f"-{name}={value}" for name, value in options.items()]

    def settings(self, bucket: str) -> dict[str, object]:
        """Return the settings of an appliance that keeps its objects here."""
        return {
            "s3_endpoint": self.endpoint,
            "s3_access_key": self.access_key,
            "s3_secret_key": self.secret_key,
            "s3_bucket": bucket,
            "s3_secure": False,
        }

    def start(self) -> None:
        """Start it and wait until it takes a write: it answers before that."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, "server", *self._arguments],
                cwd=self.folder, env={"HOME": str(self.folder), "PATH": os.defpath},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s and self._process.poll() is None:
            try:
                return self._write()
            except (HTTPError, MinioException):
                time.sleep(0.1)
        raise AssertionError(f"SeaweedFS did not start:\n{(self.folder / 'log').read_text()[-3000:]}")

    def _write(self) -> None:
        impatient = urllib3.PoolManager(timeout=1, retries=False)
        client = Minio(self.endpoint, self.access_key, self.secret_key, secure=False, http_client=impatient)
        if not client.bucket_exists(READY_BUCKET):
            client.make_bucket(READY_BUCKET)
        client.put_object(READY_BUCKET, "ready", io.BytesIO(b"ready"), 5)

    def stop(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it take connections and answer nothing."""
        with standing_still(self._process.pid):
            yield


def _identity(name: str, key: str, secret: str, actions: list[str]) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


def seaweedfs_program() -> Path | None:
    """Return the server's program, None where it is not installed."""
    beside = Path(sys.executable).parent / "weed"
    found = beside if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


@contextmanager
def seaweedfs_server(program: Path, address: str = "127.0.0.1") -> Iterator[SeaweedServer]:
    """Yield a running server on an address of this machine; it is stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="meeshy-s3-"))
    server = SeaweedServer(program, folder, address)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _free_ports(address: str, count: int) -> list[int]:
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for probe in sockets:
            probe.bind((address, 0))
        return [probe.getsockname()[1] for probe in sockets]
