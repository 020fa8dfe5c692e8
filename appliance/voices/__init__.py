"""From a recording to a voice an engine can speak with."""
