"""The daemon: runs the pure parts over a network and a store. Knows everything below it; nothing below knows it."""
