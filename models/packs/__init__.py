"""Builds the product's own small models: their phrase corpus, training and packing."""
