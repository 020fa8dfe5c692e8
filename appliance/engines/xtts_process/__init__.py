"""XTTS-v2 in a process and an environment of its own: standard library, NumPy, torch and TTS, nothing of the house."""
