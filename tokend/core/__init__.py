"""Data types, rules and calculations. This package does no I/O and knows no clock, randomness, aiohttp or vendor."""
