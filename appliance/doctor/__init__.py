"""Looking whether a host is in order, and proving that the pipeline needs no network."""
