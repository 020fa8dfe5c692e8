"""The receipt: measured quality of every spoken translation."""
