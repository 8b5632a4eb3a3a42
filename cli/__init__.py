"""The command line: one small file per noun over `p2plearn.client`. No logic of its own."""
