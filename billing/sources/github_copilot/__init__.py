"""GitHub Copilot: what it is billed at, its seats, and what an organisation did with it."""
