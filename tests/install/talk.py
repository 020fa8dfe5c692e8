"""A client of the appliance: `python talk.py WHAT URL CA KEY ...` prints what the function WHAT returns."""

import hashlib
import json
import secrets
import ssl
import sys
import time
from pathlib import Path

import httpx

LIMIT_S = 600.0
LOOK_EVERY_S = 0.3
FLOW_EVERY_S = 15.0
"""What two cores of a test machine work off while they also install: more would wait for the whole drill."""
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


def submit(client: httpx.Client, file: str, count: str, prefix: str = "user") -> dict[str, str]:
    """Submit a note for so many users, each until it is accepted, and return each one's job."""
    # A measured appliance takes no more than it can promise: who is told to come again does.
    users = [f"{prefix}-{number}" for number in range(int(count))]
    return {user: _insist(client, file, user, secrets.token_hex(8)) for user in users}


def follow(client: httpx.Client, jobs: str) -> dict[str, str]:
    """Return how each of a document's jobs ended."""
    return {user: _ended(client, job, user)["state"] for user, job in json.loads(jobs).items()}


def flow(client: httpx.Client, file: str, stop: str) -> dict[str, dict[str, str]]:
    """Submit a note every few seconds until a file appears, each until it is accepted; return user and job by key."""
    taken: dict[str, dict[str, str]] = {}
    while not Path(stop).exists() or not taken:
        user = f"flow-{len(taken)}"
        taken[f"key-{user}"] = {"user": user, "job": _insist(client, file, user, f"key-{user}")}
        time.sleep(FLOW_EVERY_S)
    return taken


def repeat(client: httpx.Client, file: str, taken: str) -> dict[str, dict[str, str]]:
    """Submit under every key of `flow` once more and return user and job by key."""
    return {
        key: {"user": each["user"], "job": _insist(client, file, each["user"], key)}
        for key, each in json.loads(taken).items()
    }


def _insist(client: httpx.Client, file: str, user: str, key: str) -> str:
    """Return the job of a user's note; while nobody answers or the appliance is busy, ask again under the same key."""
    deadline_s = time.monotonic() + LIMIT_S
    while True:
        try:
            answer = client.post(
                "/api/v1/voice/translate/async",
                data={"user_id": user, "target_langs": "fr"},
                files={"audio": ("note.wav", Path(file).read_bytes())},
                headers={"Idempotency-Key": key},
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


def job(client: httpx.Client, job: str, user: str) -> dict[str, object]:
    """Return a job's document and the SHA-256 of its audio, by language."""
    document = client.get(f"/api/v1/voice/job/{job}", params={"user_id": user}).raise_for_status().json()
    heard = {}
    for target in document["targets"]:
        audio = client.get(target["audio_url"], params={"user_id": user}).raise_for_status()
        heard[target["language"]] = hashlib.sha256(audio.content).hexdigest()
    return {"document": document, "audio_sha256": heard}


def ask_consent(client: httpx.Client, user: str) -> str:
    """Begin a voice profile and return the statement that its speaker is to read."""
    asked = {"subject": "Emma Brown", "purpose": "messages to our customers", "languages": ["es"], "days": 30}
    asked["statement_language"] = "en"
    answer = client.post("/api/v1/voice/profile", json=asked, headers={"X-Meeshy-User": user})
    return answer.raise_for_status().json()["challenge"]["statement"]


def consent(client: httpx.Client, user: str, file: str) -> dict[str, object]:
    """Send the statement as it was read, and return the profile once it was judged."""
    headers, files = {"X-Meeshy-User": user}, {"audio": ("statement.wav", Path(file).read_bytes())}
    sent = client.post("/api/v1/voice/profile/sample", data={"kind": "consent"}, files=files, headers=headers)
    sent.raise_for_status()
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        found = profile(client, user)
        if all(sample["state"] != "waiting" for sample in found["samples"]):
            break
        time.sleep(LOOK_EVERY_S)
    return found


def profile(client: httpx.Client, user: str) -> dict[str, object]:
    """Return a user's voice profile, or the problem that says that there is none."""
    return client.get("/api/v1/voice/profile", headers={"X-Meeshy-User": user}).json()


def erase(client: httpx.Client, user: str) -> dict[str, object]:
    """Erase a user's voice profile and return the receipt."""
    return client.delete("/api/v1/voice/profile", headers={"X-Meeshy-User": user}).raise_for_status().json()


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
        known = (translate, submit, follow, flow, repeat, wait, health, job, ask_consent, consent, profile, erase)
        act = {each.__name__: each for each in known}[what]
        sys.stdout.write(json.dumps(act(client, *rest)))


if __name__ == "__main__":
    main(*sys.argv[1:])
