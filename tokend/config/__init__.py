"""YAML, files and environment variables -> a configuration, or every error at once."""
