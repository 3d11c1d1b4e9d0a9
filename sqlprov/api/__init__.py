"""What a caller imports: connections, results, attach and the PEP 249 module."""
