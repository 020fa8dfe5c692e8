"""The subcommands of `meeshy`, one file each."""
