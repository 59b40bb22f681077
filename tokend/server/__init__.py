"""The one place that imports aiohttp. Clock and randomness enter here and go down as arguments."""
