"""Inventories: the record of a use case, and the public forms in which registries are exchanged.

Pure: no models, no database. `fields.py` says what a record holds, `benefit.py` what is vague,
`reading.py` and `writing.py` know every form, the other modules one each.
"""
