"""What `meeshy bench queue` measures with: an appliance of processes with scripted engines, and stock Dramatiq."""
