"""Who may do what: applications, keys, tokens, limits, audit."""
