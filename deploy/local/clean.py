"""`python -m deploy.local.clean`: deletes what the local stacks of this project have left.

Not a mere `rm -r var`: a database may lie elsewhere (see postgres_home), and one that runs is
left alone.
"""

import shutil
import sys
from pathlib import Path

from deploy.local.postgres_home import remove
from deploy.local.stack_folder import StackBusyError, StackFolder

VAR = Path("var")


def main() -> int:
    """The exit code: 1 when a stack still runs."""
    for found in sorted(VAR.rglob("stack")):
        folder = StackFolder(found.parent)
        try:
            folder.lock()
        except StackBusyError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        remove(folder.path / "postgres")
        folder.unlock()
    shutil.rmtree(VAR, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
