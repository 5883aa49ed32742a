"""Costs and usage from OpenAI's organisation API."""
