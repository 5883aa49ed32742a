"""What adoption registers with the portal. Imported once, by `AdoptionConfig.ready()`."""
