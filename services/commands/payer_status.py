"""Where a claim stands at its payers, for `claimwire claim`: each leg of it, and for each answer
which file says so and where in it."""

from collections.abc import Mapping
from typing import Any

from services.commands.output import columns

Standing = Mapping[str, Any]


def print_standing(found: Standing) -> None:
    """A claim's legs and the evidence, as `services.submission.looking.claim` gives them."""
    print()
    columns(
        ("at payer", "turn", "revision", "status", "interchange", "since"),
        (
            (
                leg["payer"],
                leg["payer_sequence"],
                leg["revision"],
                leg["status"],
                f"{leg['control_number']:09d}" if leg["control_number"] else "-",
                f"{leg['changed_at']:%Y-%m-%d %H:%M:%S}",
            )
            for leg in found["legs"]
        ),
    )
    if found["answers"]:
        print()
        columns(
            ("answer", "says", "about", "file", "where", "codes", "taken"),
            (
                (
                    row["transaction"],
                    row["outcome"] + (" (moved it)" if row["has_moved_claim"] else ""),
                    row["relates_to"],
                    row["file_name"] or row["message_id"],
                    row["path"] or "-",
                    " ".join(row["status_codes"]) or "-",
                    f"{row['received_at']:%Y-%m-%d %H:%M:%S}",
                )
                for row in found["answers"]
            ),
        )
    for late in found["overdue"]:
        print(f"no {late['expected']} by {late['due_at']:%Y-%m-%d %H:%M}")
    for asked in found["inquiries"]:
        answered = asked["answered_at"]
        when = f", answered {answered:%Y-%m-%d %H:%M}" if answered else ", not answered yet"
        print(f"asked by a 276 {asked['asked_at']:%Y-%m-%d %H:%M}{when}")
    for leg in found["legs"]:
        for finding in leg["findings"] or ():
            print(f"{finding['code']}: {finding['message']}")
