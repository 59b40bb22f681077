"""Auth schemes: each authenticates a caller from the credentials of a request."""
