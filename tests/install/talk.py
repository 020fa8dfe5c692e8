"""A note through the appliance as a client sends it: `python talk.py URL CA KEY FILE LANGUAGE ...`."""

import json
import ssl
import sys
from pathlib import Path

import httpx

LIMIT_S = 300.0


def talk(url: str, authority: str, key: str, file: str, languages: list[str]) -> dict[str, object]:
    """Return the job's document with the bytes of each language's audio; the connection trusts the authority alone."""
    trusted = ssl.create_default_context(cafile=authority)
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, verify=trusted, timeout=LIMIT_S) as client:
        answer = client.post(
            "/api/v1/voice/translate",
            data={"user_id": "alice", "target_langs": ",".join(languages), "consent": "true"},
            files={"audio": ("note.wav", Path(file).read_bytes())},
        ).raise_for_status()
        document = answer.json()
        while document["state"] in ("queued", "running"):
            answer = client.get(f"/api/v1/voice/job/{document['job_id']}", params={"user_id": "alice"})
            document = answer.raise_for_status().json()
        for target in document["targets"]:
            if target.get("audio_url"):
                audio = client.get(target["audio_url"], params={"user_id": "alice"}).raise_for_status().content
                target["audio_bytes"] = len(audio)
    return document


if __name__ == "__main__":
    sys.stdout.write(json.dumps(talk(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:])))
