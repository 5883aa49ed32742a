"""What billing registers with the portal. Imported once, by `BillingConfig.ready()`."""
