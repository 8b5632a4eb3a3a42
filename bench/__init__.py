"""Benchmarks: `python -m bench MEASURE [--n N]` prints one JSON line for each measure. Never a timed test: the machines are shared."""
