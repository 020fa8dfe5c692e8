"""What figures were over time: in steps of 10 s, 15 min and a day."""
