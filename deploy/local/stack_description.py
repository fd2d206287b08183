"""What `stack.json` says of a stack: the one place where its shape is decided.

The command line, the demo and the tests read it. It holds the passwords of the local roles.
"""

import os
from typing import TYPE_CHECKING, Any

from deploy.local.member import Member
from deploy.local.preparation import TRACES
from deploy.local.roster import TRACE_RECEIVER

if TYPE_CHECKING:
    from deploy.local.stack import Stack


def description_of(stack: "Stack") -> dict[str, Any]:
    """The stack as it is now: addresses, logins, process ids, logs. `None` for what is not here."""
    folder = stack.folder
    receiver = stack.members[TRACE_RECEIVER.name]
    others = stack.members.keys() - stack.services.keys() - {receiver.name}
    return {
        "running": stack.state != "down",
        "state": stack.state,
        "supervisor_pid": os.getpid(),
        "var_dir": str(folder.var_dir),
        "transport_dir": str(folder.transport_dir),
        "blob_url": folder.blob_dir.as_uri(),
        "kafka": {
            "kind": stack.kind,
            "bootstrap_servers": stack.kafka,
            "pids": list(stack.broker.pids),
            "settings": dict(stack.broker.settings),
        },
        "postgres": {"admin_dsn": stack.postgres_dsn, "pid": stack.postgres.pid},
        "traces": {
            "endpoint": receiver.url,
            "postgres_dsn": stack.dsn_of(TRACES),
            **_process(receiver),
        },
        "services": {
            name: {
                "http": member.url,
                "mllp": member.mllp,
                "postgres_dsn": stack.dsn_of(name),
                **_process(member),
            }
            for name, member in stack.services.items()
        },
        "programs": {name: _process(stack.members[name]) for name in sorted(others)},
    }


def _process(member: Member) -> dict[str, Any]:
    return {"pid": member.pid, "log": str(member.log_path), "revivals": member.kept.revivals}
