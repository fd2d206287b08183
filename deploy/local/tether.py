"""Becomes another program that dies with its parent. Stands apart because it is run as a script.

`python -I -S tether.py PARENT SIGNAL UID GID PROGRAM ARGUMENT...` drops to the given user
(`-1` keeps the present one), asks the kernel to send SIGNAL when PARENT ends (Linux; elsewhere
the process group has to do) and turns into PROGRAM. The request survives the exec but not a
change of user, so the order matters. Only the standard library, nothing of this project.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int, signal_number: int) -> None:
    """Asks for `signal_number` at the parent's end; leaves at once if it has ended already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def drop_to(uid: int, gid: int) -> None:
    """Gives up the present user for good, groups first."""
    if uid < 0:
        return
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def tether(arguments: list[str]) -> None:
    parent, signal_number, uid, gid = map(int, arguments[:4])
    command = arguments[4:]
    drop_to(uid, gid)
    die_with(parent, signal_number)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        os._exit(127)


if __name__ == "__main__":
    tether(sys.argv[1:])
