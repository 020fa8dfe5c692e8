"""What a machine does with a bundle that was verified and unpacked; runs on the standard library alone."""
