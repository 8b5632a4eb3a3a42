"""The façade: everything a person can do, in parts. Knows the keeper and the views, never the network or HTTP."""
