"""The phrase library under a stream of requests: whether it is found more often as it grows."""
