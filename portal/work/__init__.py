"""Background work that survives: rows first, the queue as a hint. See the README beside this."""
