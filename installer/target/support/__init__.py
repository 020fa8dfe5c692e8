"""The support bundle: how a machine and its appliance are, without secrets and without anything that somebody said."""
