"""The network port, and what stands behind it: libp2p, or nothing but memory. Knows no records."""
