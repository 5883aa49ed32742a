"""OpenRouter: activity by day, drawn from prepaid credits, and the purchases of credits."""
