"""Signed notifications of finished jobs."""
