"""The object store on an S3 server, for appliances of several hosts."""

import io
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import BinaryIO, cast

from minio import Minio
from minio.error import S3Error
from minio.helpers import MIN_PART_SIZE

from appliance import notify
from appliance.clock import Clock, SystemClock
from appliance.errors import NotFound, StorageUnavailable
from appliance.storage.objects import StoredObject, checked_name
from appliance.storage.s3_client import asked, translated
from appliance.storage.s3_stream import S3Stream

PARTIAL_CONTENT = 206
BUCKET_TRIES = 3
"""Writes before a bucket that was made each time counts as missing."""
REQUESTS_AT_ONCE = 8


class S3Store:
    """Objects in one bucket, which belongs to the appliance alone. All bytes pass through the appliance's own API."""

    def __init__(self, client: Minio, bucket: str, clock: Clock | None = None) -> None:
        """Use the bucket; it is made with the first write, where the keys may do that. Nothing connects yet."""
        self._client = client
        self._bucket = bucket
        self._clock = clock or SystemClock()

    def put(self, name: str, content: bytes) -> None:
        """Store the content durably; after the return it survives a crash, as far as the server keeps its promise."""
        checked_name(name)
        for _ in range(BUCKET_TRIES):
            with suppress(NotFound):
                self._put(name, content)
                return
            self._make_bucket()
        raise StorageUnavailable("The object store has no bucket to write to.")

    def put_all(self, contents: Mapping[str, bytes]) -> None:
        """Store several contents durably, some requests at a time; on a failure some of them may be there."""
        if len(contents) < 2:
            for name, content in contents.items():
                self.put(name, content)
            return
        with ThreadPoolExecutor(min(REQUESTS_AT_ONCE, len(contents)), thread_name_prefix="put") as threads:
            list(threads.map(self.put, contents.keys(), contents.values()))

    def get(self, name: str) -> bytes:
        """Return the whole content, or raise NotFound."""
        return self._fetch(checked_name(name), 0, 0)

    def open(self, name: str) -> BinaryIO:
        """Return the content as a seekable stream, or raise NotFound; the caller closes it."""
        size_bytes = self.size_bytes(name)
        return cast(BinaryIO, S3Stream(lambda offset, length: self._fetch(name, offset, length), size_bytes))

    def size_bytes(self, name: str) -> int:
        """Return the content's length, or raise NotFound."""
        checked_name(name)
        return asked(lambda: self._client.stat_object(self._bucket, name)).size or 0

    def delete(self, name: str) -> None:
        """Remove the content; removing what is not there is fine."""
        checked_name(name)
        with suppress(NotFound):
            asked(lambda: self._client.remove_object(self._bucket, name))

    def delete_all(self, names: Collection[str]) -> None:
        """Remove several contents, some requests at a time; on a failure some of them may be there still."""
        if len(names) < 2:
            for name in names:
                self.delete(name)
            return
        with ThreadPoolExecutor(min(REQUESTS_AT_ONCE, len(names)), thread_name_prefix="delete") as threads:
            list(threads.map(self.delete, names))

    def entries(self, prefix: str) -> Iterator[StoredObject]:
        """Yield every object whose name starts with the prefix, in no promised order."""
        checked_name(f"{prefix}x")
        with suppress(NotFound), translated():
            for found in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                if not found.is_dir:
                    modified_s = found.last_modified.timestamp() if found.last_modified else self._clock.now_s()
                    yield StoredObject(found.object_name, found.size or 0, modified_s)

    def sweep_unfinished(self, older_than_s: float, *, dry_run: bool = False) -> int:
        """Abort uploads in parts that began more than so many seconds ago, and return how many that were.

        The store's own writes are single requests, which leave nothing. A tool that copies a backup into the bucket
        uploads in parts, and what it leaves when it is interrupted takes space and stands in no listing. The SDK has
        these two calls under private names only.
        """
        before_s = self._clock.now_s() - older_than_s
        swept = 0
        with suppress(NotFound):
            uploads = asked(lambda: self._client._list_multipart_uploads(self._bucket)).uploads
            for upload in notify.alive_through(uploads):
                if upload.initiated_time is not None and upload.initiated_time.timestamp() < before_s:
                    with suppress(NotFound):  # it was finished, or another sweep was faster
                        if not dry_run:
                            self._abort(upload.object_name, upload.upload_id)
                        swept += 1
        return swept

    def require_writable(self) -> None:
        """Raise StorageUnavailable where the server does not answer or refuses the appliance's keys.

        How full it is, S3 does not tell.
        """
        asked(lambda: self._client.bucket_exists(self._bucket))

    def _put(self, name: str, content: bytes) -> None:
        # One request, whatever the size: it is there as a whole or not at all.
        part_bytes = max(len(content), MIN_PART_SIZE)
        asked(
            lambda: self._client.put_object(self._bucket, name, io.BytesIO(content), len(content), part_size=part_bytes)
        )

    def _fetch(self, name: str, offset: int, length: int) -> bytes:
        """Return so many bytes from an offset on; everything for a length of 0."""

        def request() -> tuple[int, bytes]:
            with self._client.get_object(self._bucket, name, offset, length) as response:
                return response.status, response.read()

        status, content = asked(request)
        if length and (status != PARTIAL_CONTENT or len(content) != length):
            raise StorageUnavailable("The object store does not serve byte ranges.")
        return content

    def _abort(self, name: str, upload_id: str) -> None:
        asked(lambda: self._client._abort_multipart_upload(self._bucket, name, upload_id))

    def _make_bucket(self) -> None:
        def request() -> None:
            try:
                self._client.make_bucket(self._bucket)
            except S3Error as refusal:
                # Another process was faster, or is at it: SeaweedFS then says now and then that there is no bucket.
                if refusal.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists", "NoSuchBucket"):
                    raise

        asked(request)
