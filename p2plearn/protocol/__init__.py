"""What peers agree on, as pure code: bytes in, records and events out. Knows no clock, disk, network or async."""
