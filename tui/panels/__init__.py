"""Figures as lines of text: pure functions of a snapshot and a width, for screens and for `--once` alike."""
