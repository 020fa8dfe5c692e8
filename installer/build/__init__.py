"""What makes bundles, on a connected machine. The standard library too, beside the machine's own pip, apt and git."""
