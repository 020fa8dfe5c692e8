"""Answers kept for reuse, and every key they are kept under."""
