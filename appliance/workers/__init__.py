"""Processes that claim and run batches, and the doorbells that wake them."""
