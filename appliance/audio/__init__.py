"""Recordings in and speech out: the sandboxed decoder, the encoder, loudness and the measures of a receipt.

`decoder`, `decoded`, `formats`, `sniff`, `wav` and `wire` are free of PyAV and NumPy, so the API may import them;
`child` and what it imports runs in the decoder's own process; `encode`, `loudness`, `measures` and `pcm` belong to
workers.
"""
