"""The faces of the working rooms: pages and HTTP API."""
