"""What to do about each kind of finding that the appliance itself gives no advice on."""

REMEDIES = {
    "unserved": "Start a worker of that role, or undrain one (3, D); a log says why the last one ended.",
    "unspoken": "A worker speaks once before it counts; if this lasts, its log says why.",
    "silent": "See whether its process and its host are alive; what it had in hand is taken over by itself.",
    "late": "Add workers of that stage, or raise sla_scale if this lasts.",
    "in time": "See which lane is late (2) and which stage is slow (5), and add workers of it.",
    "paused": "Resume it (2, P) when its reason is over.",
    "dead": "Look at them (2, d); retry one (R) or all of the lane (B) when their cause is gone.",
    "refused": "See whether lanes are late (2) and add workers; else an application asks more than its plan allows.",
    "closed": "Add workers of the lane that waits longest (2); else raise sla_scale, or the SLA of its plans.",
    "errors": "The log of the API has each with its cause.",
    "gpu lost": "Drain the workers of its host (3, D), see the driver's log, and restart the host.",
    "gpu errors": "Drain the workers of its host (3, D) and have the card looked at.",
    "gpu hot": "See to its fans and to the air around its host; it slows itself down.",
    "gpu full": "Let fewer workers or smaller models use it: it may run out of memory.",
    "gpu host": "See whether workers run on that host, and what nvidia-smi says there.",
    "clock": "See which of the two is wrong (timedatectl) and have a time server set it; nothing here depends on it.",
    "untold": "Update the appliance, or look at it with the console that came with it.",
    "newer": "Update this console: what the appliance tells besides is not shown here.",
    "older": "Update the appliance: what it does not tell yet is a dash here.",
    "wer": "Listen to some of that pair, and see what is new: a model, an experiment, the recordings that come.",
    "similarity": "Listen to some of that pair, and see what is new: a model, an experiment, the recordings that come.",
}
"""By the kind of a finding, in one line each; keys stand in brackets."""
