"""Speech and translation engines behind four batch-first protocols."""
