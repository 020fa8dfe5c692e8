"""The HTTP API: thin routes over the floors below."""
