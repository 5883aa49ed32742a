"""Telling other systems what happened, signed and once each; see the README."""
