"""Running as a service: sockets, processes, reload, admin listener, service manager."""
