"""The bundle as the target sees it: read, verified, unpacked and joined with the standard library alone."""
