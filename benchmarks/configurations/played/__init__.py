"""The three APIs that the configurations describe, on loopback: always the same records, made of their numbers."""
