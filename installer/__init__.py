"""What runs on a machine before anything of ours is installed: standard library only."""
