"""Which of the product's settings a support bundle shows: those that can hold neither a secret nor a name."""

SHOWN = frozenset({
    "attempts", "audio_ttl_s", "batch_limits", "conditioning_ttl_s", "data_dir", "device", "disk_reserve_bytes",
    "events_ttl_s", "allow_deepl", "host", "lease_s", "licence", "log_level", "max_audio_s", "max_upload_bytes",
    "max_wer", "metrics_host", "metrics_open", "metrics_port", "metrics_ports", "min_similarity", "model_folder",
    "model_memory_bytes", "model_preset", "models_dir", "most_waiting_jobs", "phrase_audio_ttl_s",
    "phrases_ahead_per_hour", "phrases_half_life_s", "phrases_most", "phrases_owners", "poll_rings", "poll_s", "port",
    "requests_per_minute",
    "result_ttl_s", "s3_bucket", "s3_region", "s3_secure", "sla_s", "sla_scale", "source_ttl_s", "speak_attempts",
    "static_ttl_s", "threads", "transcription_ttl_s", "translation_ttl_s", "voice_key_file",
    "voice_samples_from_translations", "webhooks_ttl_s", "xtts_python",
})  # fmt: skip
HIDDEN = "(set)"


def shown_settings(text: str) -> str:
    """Return the lines of an environment file with the values that may be seen; of others only that they are set."""
    lines = []
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        seen = name.removeprefix("MEESHY_").lower() in SHOWN or not value
        lines.append(f"{name}={value if seen else HIDDEN}")
    return "\n".join(lines) + "\n"
