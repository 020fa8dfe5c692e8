"""Jobs, their work items, claims under lease and fence, and the outbox."""
