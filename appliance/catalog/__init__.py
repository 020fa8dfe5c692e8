"""The model catalog: what may be loaded, where it comes from, what its hash must be."""
