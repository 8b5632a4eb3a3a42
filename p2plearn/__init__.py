"""p2plearn: people near each other share signed knowledge, ask, answer and pass it on, without a server."""

__version__ = "0.1.0"
