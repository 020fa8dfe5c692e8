"""Columns and rows of the console's tables: pure functions of what the appliance told."""
