"""Costs and usage from Anthropic's organisation APIs, all three generations."""
