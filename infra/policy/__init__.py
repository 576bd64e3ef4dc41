"""What the templates are held to: rule packs, acknowledged findings with their reasons, rules of our own."""
