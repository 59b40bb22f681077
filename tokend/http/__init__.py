"""HTTP: handler, CORS, request parsing, trusted proxies and connection limits."""
