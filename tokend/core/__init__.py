"""Nouns and pure rules. No I/O, no clock, no randomness, no aiohttp, no vendor."""
