"""Billing's part of the demo programme."""
