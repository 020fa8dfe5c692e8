"""The Meeshy voice-translation appliance."""

__version__ = "0.1.0"
