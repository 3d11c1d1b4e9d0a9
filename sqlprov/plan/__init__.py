"""Which calls to make: pure functions, without network or clock."""
