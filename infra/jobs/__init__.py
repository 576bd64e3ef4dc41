"""What runs in jobs of AWS, each file alone; nothing here is imported."""
