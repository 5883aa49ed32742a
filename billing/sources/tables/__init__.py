"""Rows of CSV and Parquet files within bounds: what sources that read files share."""
