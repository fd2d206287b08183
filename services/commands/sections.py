"""The list of commands in `claimwire --help`, in sections and as plain text.

Rich draws panels, and takes longer to import than everything else that help needs.
"""

from typing import Any

from typer.core import TyperGroup


class Sections(TyperGroup):
    """A group whose help lists its commands under their `rich_help_panel`."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(map(len, names), default=0)
        for name in names:
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                heading = getattr(command, "rich_help_panel", None) or "Commands"
                rows = sections.setdefault(heading, [])
                rows.append((name, command.get_short_help_str(width)))
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
