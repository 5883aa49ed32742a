"""LiteLLM proxy: what it estimates that calls cost, by call or by day."""
