"""Parts of the client that fetches from providers (`portal/imports/http.py`); none knows Django."""
