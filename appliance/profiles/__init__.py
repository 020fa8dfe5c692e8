"""Voice profiles as their owners deal with them: ceremony, samples, looking at one, erasure."""
