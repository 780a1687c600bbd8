"""Keep the bytecode of what the tests import, whatever the environment says.

``pyproject.toml`` names this module, so that pytest loads it before all plugins. Without it, each run would
compile those again, and each process that the tests start everything it imports: 3 s instead of 1.
"""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
