"""What people say about results, and what can be read from all that happened: feedback, history, statistics."""
