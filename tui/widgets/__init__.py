"""Widgets that draw what they are given and know no server."""
