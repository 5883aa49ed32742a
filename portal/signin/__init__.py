"""Signing in: local accounts, identity providers, second factor, lockout, break-glass."""
