"""The inventory of a pool with one card, which takes recordings alone."""

CARD = """
[[device]]
name = "card-0"
gpu = 0
memory_gib = 40
[device.roles.whisper]
max = 4
"""
