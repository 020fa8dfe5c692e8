"""The database with its migrations, and the object store."""
