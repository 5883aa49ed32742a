"""Runs everything on one machine: broker, worker, scheduler and web server under one supervisor."""
