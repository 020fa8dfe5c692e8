"""The keys of the screens, by the names of their modes, in the order in which they are told."""

SCREEN_KEYS = {
    "overview": "1",
    "queues": "2",
    "workers": "3",
    "gpu": "4",
    "latency": "5",
    "quality": "6",
    "events": "E",
    "verdict": "v",
}
