"""A small HTTP cache in front of the API that follows the three rules of docs/caches.md."""

from dataclasses import dataclass, field

import httpx

PASSED_ON = ("authorization", "x-meeshy-user")


@dataclass
class CachingProxy:
    """Answers for the audio route; `upstream` is a client of the API."""

    upstream: httpx.Client
    admin_key: str
    now_s: float = 0.0
    kept: dict[str, tuple[float, bytes]] = field(default_factory=dict)
    """Until when, and what, by ETag."""
    after: int = 0
    served: int = 0
    fetched: int = 0

    def get(self, url: str, headers: dict[str, str]) -> tuple[int, bytes]:
        asked = {name: value for name, value in headers.items() if name.lower() in PASSED_ON}
        allowed = self.upstream.head(url, headers=asked)
        if allowed.status_code != 200:
            return allowed.status_code, b""
        etag = allowed.headers["etag"].strip('"')
        until_s, audio = self.kept.get(etag, (0.0, b""))
        if until_s > self.now_s:
            self.served += 1
            return 200, audio
        answer = self.upstream.get(url, headers=asked)
        self.fetched += 1
        if answer.status_code == 200:
            lasts_s = float(answer.headers["meeshy-edge-max-age"])
            self.kept[answer.headers["etag"].strip('"')] = (self.now_s + lasts_s, answer.content)
        return answer.status_code, answer.content

    def poll(self) -> None:
        headers = {"authorization": f"Bearer {self.admin_key}"}
        told = self.upstream.get("/api/v1/admin/purges", params={"after": self.after}, headers=headers).json()
        for purge in told["purges"]:
            for sha256 in purge["audio_sha256"]:
                self.kept.pop(sha256, None)
        self.after = told["last"]
