"""A healthcare lakehouse on Apache Iceberg."""
