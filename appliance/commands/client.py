"""Talking to an appliance over HTTP as an application would: used by `meeshy translate` and `meeshy demo`."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from appliance.commands.child_environment import child_environment
from appliance.commands.serve import running_server
from appliance.errors import CommandFailed
from appliance.settings import Settings

SERVE = ("-m", "appliance.cli", "serve", "--port", "0")
"""What is started where no appliance runs."""
START_LIMIT_S = 180.0
"""Loading takes 5 s on two idle cores; a machine that is busy or reads from a cold disk needs far longer."""
JOB_LIMIT_S = 900.0
LOOK_EVERY_S = 0.2
ANSWER_S = 120.0
"""Longer than a synchronous request waits by default."""


@contextmanager
def appliance_at(settings: Settings, say: Callable[[str], None]) -> Iterator[str]:
    """Yield the address of this data folder's appliance, starting one for the length of the block if none runs."""
    url = running_server(settings)
    if url is not None:
        wait_ready(url, say)
        yield url
        return
    say("starting the appliance")
    # Otherwise `timeout 60 meeshy demo` would end this process alone and leave the appliance it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = settings.data_dir / "serve.log"
    with log.open("ab") as stream:
        process = subprocess.Popen(
            # Whatever ends this process, the pipe ends with it, and the appliance then too.
            [sys.executable, *SERVE, "--end-with-stdin"],
            env=child_environment(settings), stdout=stream, stderr=stream, stdin=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield _started(settings, process, log, say)
    finally:
        _stop(process)


def wait_ready(url: str, say: Callable[[str], None], alive: Callable[[], bool] = lambda: True) -> None:
    """Return when the appliance has spoken a first real utterance; CommandFailed when that takes too long."""
    say("loading the models and speaking a first test utterance")
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s and alive():
        try:
            if httpx.get(f"{url}/health/ready", timeout=5.0).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(LOOK_EVERY_S)
    raise CommandFailed("The appliance did not become ready; its log says why (serve.log in the data folder).")


def submit_file(
    url: str, key: str, file: Path, languages: Sequence[str], fields: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, Any]:
    """Post a recording, wait until its job has ended, and return the job's document."""
    with _telling(), httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=ANSWER_S) as client:
        with file.open("rb") as audio:
            response = client.post(
                "/api/v1/voice/translate",
                data={**fields, "target_langs": ",".join(languages)},
                files={"audio": (file.name, audio)},
            )
        document = _document(response)
        deadline_s = time.monotonic() + JOB_LIMIT_S
        while document["state"] in ("queued", "running"):
            if time.monotonic() > deadline_s:
                raise CommandFailed(f"Job {document['job_id']} is still running; ask for it later.")
            states = ", ".join(f"{target['language']} {target['state']}" for target in document["targets"])
            say(f"job {document['state']}: {states}")
            time.sleep(LOOK_EVERY_S)
            document = _document(
                client.get(f"/api/v1/voice/job/{document['job_id']}", params={"user_id": fields["user_id"]})
            )
    return document


def fetch_audio(url: str, key: str, user_id: str, audio_url: str, to: Path) -> None:
    """Save a result's audio."""
    with _telling():
        response = httpx.get(
            f"{url}{audio_url}", params={"user_id": user_id}, headers={"Authorization": f"Bearer {key}"}, timeout=60.0
        )
    if response.is_error:
        raise CommandFailed(_sentence(response))
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(response.content)


@contextmanager
def _telling() -> Iterator[None]:
    """Turn a broken or silent connection into a sentence."""
    try:
        yield
    except httpx.TransportError as failure:
        raise CommandFailed(f"The appliance did not answer ({type(failure).__name__}); is it still running?") from None


def api_key(settings: Settings) -> str:
    """Return the key to call with: the setting's, else the one that the first start wrote into the data folder."""
    try:
        return settings.client_key or (settings.data_dir / "first_key").read_text().strip()
    except FileNotFoundError:
        raise CommandFailed("The data folder holds no first_key; give a key in MEESHY_CLIENT_KEY.") from None


def _started(settings: Settings, process: subprocess.Popen[bytes], log: Path, say: Callable[[str], None]) -> str:
    deadline_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        url = running_server(settings)
        if url is not None:
            wait_ready(url, say, lambda: process.poll() is None)
            return url
        time.sleep(LOOK_EVERY_S)
    raise CommandFailed(f"The appliance ended or did not answer; its log is {log}.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
    if process.stdin is not None:
        process.stdin.close()


def _document(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise CommandFailed(_sentence(response))
    return response.json()


def _sentence(response: httpx.Response) -> str:
    try:
        problem = response.json()
        return f"{problem['detail']} ({problem['code']})"
    except (ValueError, KeyError):
        return f"The appliance answered {response.status_code}."
