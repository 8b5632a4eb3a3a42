"""`python -m p2plearn_cli`, which is the program `p2plearn`."""

import sys

from p2plearn_cli.main import main

sys.exit(main())
