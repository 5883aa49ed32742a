"""Adoption's part of the demo programme."""
