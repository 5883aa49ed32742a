"""Tasks: each loads by id and makes one service call."""
