"""The local API: the façade over HTTP on a Unix socket. Knows the façade by its signatures."""
