"""What `benchmarks/spark.py` measures: one module a kind of input, all with the same figures."""
