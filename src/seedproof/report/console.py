"""The console that everything in colour is printed on: texts from elsewhere cannot steer the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import rich.console
from rich.segment import Segment

from seedproof.printable import printable


class Console(rich.console.Console):
    """Console of rich, with every control character of a text replaced by one that can be seen."""

    def render(
        self, renderable: rich.console.RenderableType, options: rich.console.ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Segments of ``renderable``; those of rich's own that steer the terminal (a live display's) stay as they are."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def standard_error(**options: Any) -> Console:
    """The console of standard error."""
    return Console(stderr=True, **options)
