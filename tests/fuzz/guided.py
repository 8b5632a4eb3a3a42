"""Coverage-guided fuzzing with atheris: `python -m tests.fuzz.guided DECODER [--seconds N]`.

atheris (libFuzzer for Python) is in requirements/fuzz.txt. It keeps the inputs that reach new code, beginning with the decoder's seeds,
and stops at the first broken promise with the input that broke it.
"""

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("decoder", metavar="DECODER")
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="how long (60)")
    asked = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit(f"atheris is not installed, or has no wheel for Python {platform.python_version()}: see requirements/fuzz.txt.")
    with atheris.instrument_imports(include=["p2plearn.protocol"]):
        from tests.fuzz.decoders import DECODERS
        from tests.fuzz.oracle import check
    if asked.decoder not in DECODERS:
        parser.error(f"no decoder is called {asked.decoder}; there are: {', '.join(DECODERS)}")
    decoder = DECODERS[asked.decoder]
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(decoder.seeds()):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        os.chdir(folder)  # where libFuzzer leaves what broke a promise; the message has it too
        options = [f"-max_total_time={asked.seconds}", "-max_len=65536", "-timeout=20", "-verbosity=0", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *options, folder], lambda data: check(decoder, data, patience=10))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
