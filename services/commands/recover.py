"""`claimwire recover`: what a broker has lost, said again from what the services keep."""

from pathlib import Path

from services.coding.rules_again import say_again
from services.commands.audit import participants
from services.commands.failures import CommandError
from services.commands.output import complain, show
from services.commands.stack_access import Line, answered, connections
from shared.contract.topics import RULES_PAYER
from shared.messaging.recover import recover as put_back
from shared.messaging.topics import missing_topics

CREATE = "create the topics first, as at deployment (`python -m shared.deployment`)"


def recover(var_dir: Path, *, unread: bool, as_json: bool) -> int:
    """Queues what the next service has not taken in, publishes the payers' rule packs that their
    topic lacks, and says how many messages by topic."""

    async def work(line: Line) -> dict[str, int]:
        async with connections(line) as connected:
            by_topic = (await put_back(participants(connected), unread=unread)).by_topic
            settings = line.settings
            if settings is None:
                complain("no broker runs: the payers' rule packs wait until one does")
            elif await missing_topics(settings, (RULES_PAYER,)):
                raise CommandError(f"the broker has no topic {RULES_PAYER}: {CREATE}")
            elif packs := await say_again(connected["coding"], settings):
                by_topic[RULES_PAYER] = packs
            return by_topic

    by_topic = answered(var_dir, work)
    if as_json:
        show({"republished": by_topic})
        return 0
    for topic, count in by_topic.items():
        print(f"{topic}: {count} published again")
    if not by_topic:
        print("nothing is missing")
    return 0
