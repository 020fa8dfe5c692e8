"""A client of the appliance: `python talk.py WHAT URL CA KEY ...` does one of the things below and prints a document."""

import json
import ssl
import sys
import time
from pathlib import Path

import httpx

LIMIT_S = 300.0
LOOK_EVERY_S = 0.3
FLOW_EVERY_S = 5.0
BUSY = (429, 502, 503, 504)


def translate(client: httpx.Client, file: str, *languages: str) -> dict[str, object]:
    """Return the job's document, ended, with the size of each language's audio."""
    answer = client.post(
        "/api/v1/voice/translate",
        data={"user_id": "alice", "target_langs": ",".join(languages), "consent": "true"},
        files={"audio": ("note.wav", Path(file).read_bytes())},
    ).raise_for_status()
    document = _ended(client, answer.json()["job_id"], "alice")
    for target in document["targets"]:
        if target.get("audio_url"):
            audio = client.get(target["audio_url"], params={"user_id": "alice"}).raise_for_status()
            target["audio_bytes"] = len(audio.content)
    return document


def submit(client: httpx.Client, file: str, count: str) -> dict[str, str]:
    """Submit a note for so many users and return each one's job."""
    jobs = {}
    for user in (f"user-{number}" for number in range(int(count))):
        fields = {"user_id": user, "target_langs": "fr"}
        files = {"audio": ("note.wav", Path(file).read_bytes())}
        answer = client.post("/api/v1/voice/translate/async", data=fields, files=files)
        jobs[user] = answer.raise_for_status().json()["job_id"]
    return jobs


def follow(client: httpx.Client, jobs: str) -> dict[str, str]:
    """Return how each of a document's jobs ended."""
    return {user: _ended(client, job, user)["state"] for user, job in json.loads(jobs).items()}


def flow(client: httpx.Client, file: str, stop: str) -> dict[str, dict[str, str]]:
    """Submit a note every few seconds until a file appears, each until it is accepted; return user and job by key."""
    taken: dict[str, dict[str, str]] = {}
    while not Path(stop).exists() or not taken:
        user = f"flow-{len(taken)}"
        taken[f"key-{user}"] = {"user": user, "job": _insist(client, file, user)}
        time.sleep(FLOW_EVERY_S)
    return taken


def repeat(client: httpx.Client, file: str, taken: str) -> dict[str, dict[str, str]]:
    """Submit under every key of `flow` once more and return user and job by key."""
    return {
        key: {"user": each["user"], "job": _insist(client, file, each["user"])}
        for key, each in json.loads(taken).items()
    }


def _insist(client: httpx.Client, file: str, user: str) -> str:
    """Return the job of a user's note; while nobody answers or the appliance is busy, ask again under the same key."""
    deadline_s = time.monotonic() + LIMIT_S
    while True:
        try:
            answer = client.post(
                "/api/v1/voice/translate/async",
                data={"user_id": user, "target_langs": "fr"},
                files={"audio": ("note.wav", Path(file).read_bytes())},
                headers={"Idempotency-Key": f"key-{user}"},
            )
            if answer.is_success:
                return str(answer.json()["job_id"])
            if answer.status_code not in BUSY:
                answer.raise_for_status()
        except httpx.TransportError:
            pass
        assert time.monotonic() < deadline_s, f"{user}: nobody has taken the note"
        time.sleep(LOOK_EVERY_S)


def health(client: httpx.Client) -> dict[str, object]:
    """Return what the appliance says of itself."""
    return client.get("/api/v1/health").raise_for_status().json()


def wait(client: httpx.Client, patience_s: str) -> float | None:
    """Return after how many seconds a worker had spoken, None where none did within the time given."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < float(patience_s):
        try:
            if client.get("/health/ready", timeout=2.0).status_code == httpx.codes.OK:
                return time.monotonic() - began_s
        except httpx.TransportError:
            pass
        time.sleep(LOOK_EVERY_S)
    return None


def _ended(client: httpx.Client, job: str, user: str) -> dict[str, object]:
    deadline_s = time.monotonic() + LIMIT_S
    while True:
        document = client.get(f"/api/v1/voice/job/{job}", params={"user_id": user}).raise_for_status().json()
        if document["state"] not in ("queued", "running") or time.monotonic() > deadline_s:
            return document
        time.sleep(LOOK_EVERY_S)


def main(what: str, url: str, authority: str, key: str, *rest: str) -> None:
    """Do one thing; the connection trusts the authority alone."""
    trusted = ssl.create_default_context(cafile=authority)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, verify=trusted, timeout=LIMIT_S) as client:
        acts = (translate, submit, follow, flow, repeat, wait, health)
        act = {each.__name__: each for each in acts}[what]
        sys.stdout.write(json.dumps(act(client, *rest)))


if __name__ == "__main__":
    main(*sys.argv[1:])
