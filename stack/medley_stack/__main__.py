"""`python3 -m medley_stack`: says which Python is needed before importing what needs it."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the message is for those who have an older one
    sys.stderr.write(
        "medley: Python 3.11 or newer is needed.\n"
        "medley: next step: apt-get install python3 python3-venv (Debian 12 or newer), or name "
        "another Python: `make PYTHON=python3.11 up`.\n"
    )
    sys.exit(1)

from medley_stack.cli import main

sys.exit(main())
