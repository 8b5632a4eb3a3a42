"""Public helpers for tests, like `trio.testing`: a clock one can turn, record builders and strategies."""
