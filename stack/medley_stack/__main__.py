"""`python3 -m medley_stack`: says which Python is needed before importing what needs it."""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "medley: Python 3.11 or newer is needed, this is %d.%d.\n"
        "medley: next step: install it (Debian 12 and 13 have it: apt-get install python3 "
        "python3-venv), or name one with `make PYTHON=python3.11 up`.\n" % sys.version_info[:2]
    )
    sys.exit(1)

from medley_stack.cli import main  # noqa: E402

sys.exit(main())
