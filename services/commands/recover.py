"""`claimwire recover`: what a broker has lost, said again from the services' own logs."""

from pathlib import Path

from services.commands.audit import participants
from services.commands.output import show
from services.commands.stack_access import Line, answered, connections
from shared.messaging.recover import recover as put_back


def recover(var_dir: Path, *, unread: bool, as_json: bool) -> int:
    """Queues what the next service has not taken in, and says how many messages by topic."""

    async def work(line: Line) -> dict[str, int]:
        async with connections(line) as connected:
            return (await put_back(participants(connected), unread=unread)).by_topic

    by_topic = answered(var_dir, work)
    if as_json:
        show({"republished": by_topic})
        return 0
    for topic, count in by_topic.items():
        print(f"{topic}: {count} published again")
    if not by_topic:
        print("nothing is missing")
    return 0
