"""What money is expected to do: forecasts and anomalies, as arithmetic without a database."""
