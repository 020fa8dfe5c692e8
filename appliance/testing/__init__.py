"""Fakes that implement the real interfaces and ship with the product."""
