"""Credentials of connections: named by reference or kept encrypted, used and never shown."""
