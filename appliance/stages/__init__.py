"""What each stage does with a claimed batch."""
