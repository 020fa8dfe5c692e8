"""What the crowd calls with takes an answer that is whole for one, and nothing else."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.testing.ports import free_port
from tests.chaos.caller import Answer, NoAnswer, call

LONG_S = 30
HEAD = b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nX-Two:  words of it \r\n"
BODY = b'{"job": "job_1"}'
WHOLE = HEAD + b"Content-Length: 16\r\n\r\n" + BODY


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Yield where one request is answered, and what was heard."""
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(LONG_S)
            heard.append(request(connection))
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(LONG_S)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/a/b?c=d", heard
        finally:
            thread.join()


def request(connection: socket.socket) -> bytes:
    """Return a whole request: what is left unread would break the connection before its answer is read."""
    read = b""
    while not read.endswith((b"\r\n\r\n", b"the end")):
        piece = connection.recv(65536)
        assert piece, read
        read += piece
    return read


def answer_to(answer: bytes) -> Answer:
    with answering(answer) as (url, _):
        return asyncio.run(call("GET", url, patience_s=LONG_S))


def test_a_whole_answer_is_taken_apart():
    said = answer_to(WHOLE)

    assert (said.status, said.body, said.json()) == (202, BODY, {"job": "job_1"})
    assert said.headers == {"content-type": "application/json", "x-two": "words of it", "content-length": "16"}


def test_the_request_has_what_was_given():
    with answering(WHOLE) as (url, heard):
        asyncio.run(call("POST", url, patience_s=LONG_S, headers={"X-A": "b"}, body=b"up to the end"))

    head, _, body = heard[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == "POST /a/b?c=d HTTP/1.1"
    assert set(lines) == {f"Host: {url.split('/')[2]}", "Connection: close", "Content-Length: 13", "X-A: b"}
    assert body == b"up to the end"


@pytest.mark.parametrize(
    "cut", [b"", HEAD, WHOLE[: len(WHOLE) - len(BODY)], WHOLE[:-1], WHOLE + b" "],
    ids=["nothing", "in its head", "before its body", "in its body", "more than told"],
)  # fmt: skip
def test_one_of_another_length_than_told_is_none(cut):
    with pytest.raises(NoAnswer, match="IncompleteReadError"):
        answer_to(cut)


def test_without_a_length_there_is_no_telling_whether_a_body_is_whole():
    with pytest.raises(NoAnswer, match="IncompleteReadError"):
        answer_to(HEAD + b"\r\n" + BODY)


def test_without_a_length_and_a_body_it_is_whole():
    said = answer_to(b"HTTP/1.1 204 No Content\r\n\r\n")

    assert (said.status, said.body, said.json()) == (204, b"", {})


def test_one_that_does_not_come_in_time_is_none():
    # The kernel takes the connection; nobody takes it from there.
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(NoAnswer, match="TimeoutError"):
        asyncio.run(call("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/", patience_s=0.1))


def test_where_nobody_listens_there_is_none():
    with pytest.raises(NoAnswer, match="ConnectionRefusedError"):
        asyncio.run(call("GET", f"http://127.0.0.1:{free_port()}/", patience_s=LONG_S))
