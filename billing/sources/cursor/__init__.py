"""Cursor: usage events of a team, and the spend of its billing cycle as a control total."""
