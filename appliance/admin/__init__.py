"""What the console shows and does: wire types, snapshots, actions."""
