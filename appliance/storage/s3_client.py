"""An S3 client that gives up soon, and its failures in the appliance's words."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError, ProtocolError

from appliance.errors import NotFound, StorageUnavailable

log = logging.getLogger(__name__)

SILENCE_S = 2.0
"""How long the server may let a connection, a block of an upload or an answer wait. A long upload may take longer."""

CONNECTIONS = 32
"""Connections kept open: about as many as a process has threads that store or read."""

BLOCK_BYTES = 64 * 1024

_MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchUpload"})

T = TypeVar("T")


def s3_client(
    endpoint: str, access_key: str, secret_key: str, *, secure: bool, region: str, silence_s: float = SILENCE_S
) -> Minio:
    """Return a client of the server at `host:port`; nothing connects yet.

    TLS is checked against the machine's own certificate store. A region given here saves asking for the bucket's.
    """
    transport = _Blockwise(
        maxsize=CONNECTIONS,
        blocksize=BLOCK_BYTES,
        timeout=urllib3.Timeout(connect=silence_s, read=silence_s),
        retries=False,
        cert_reqs="CERT_REQUIRED",
    )
    return Minio(
        endpoint, access_key=access_key, secret_key=secret_key, secure=secure, region=region, http_client=transport
    )


class _Blockwise(urllib3.PoolManager):
    """Sends bodies block by block: a socket's time limit holds for one send, which must not be a whole recording."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **request: Any) -> urllib3.BaseHTTPResponse:
        # An empty body stays as it is: as a stream it would have no length. A redirect is a failure: the request is
        # signed for the host that the site named.
        if request.get("body"):
            request["body"] = io.BytesIO(request["body"])
        return super().urlopen(method, url, redirect=False, **request)


def asked(request: Callable[[], T]) -> T:
    """Return the request's answer; NotFound for what the server does not have, StorageUnavailable for other failures.

    It is made once more where the connection broke: a kept one may just have been closed by the server, and every
    request of the store can be repeated.
    """
    with translated():
        try:
            return request()
        except ProtocolError as broken:
            if isinstance(broken.args[-1], TimeoutError):
                raise
            return request()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client's errors into NotFound and StorageUnavailable."""
    # `from None`: the server's answer hangs on the client's errors, and it may quote a key.
    try:
        yield
    except S3Error as refusal:
        if refusal.code in _MISSING:
            raise NotFound("The stored audio is no longer kept.") from None
        log.warning("the object store refused a request", extra={"s3_code": refusal.code})
        raise StorageUnavailable("The object store refused the request.") from None
    except (MinioException, HTTPError, ParseError) as failure:
        log.warning("the object store failed", extra={"exception": type(failure).__name__})
        raise StorageUnavailable("The object store does not answer.") from None
