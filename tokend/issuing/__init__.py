"""The use case: configuration, routing, policy, issuer, inspection. No I/O, no clock, no randomness, no aiohttp, no vendor."""
