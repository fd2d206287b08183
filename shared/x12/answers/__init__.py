"""What payers answer, read and written: 835, 999, 997, TA1, 277CA and 277, and the 276 that asks.

It is apart from the claims because answers flow the other way and are read by other services.
"""

from shared.x12.answers.acknowledgements import read_acknowledgements
from shared.x12.answers.meaning import answer_events
from shared.x12.answers.remittances import read_remittances
from shared.x12.answers.sniff import transaction_of, transactions_of
from shared.x12.answers.writing import (
    write_group_answers,
    write_interchange_answers,
    write_remittances,
    write_status_reports,
)

__all__ = [
    "answer_events",
    "read_acknowledgements",
    "read_remittances",
    "transaction_of",
    "transactions_of",
    "write_group_answers",
    "write_interchange_answers",
    "write_remittances",
    "write_status_reports",
]
