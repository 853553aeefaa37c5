"""Text from elsewhere shows and does nothing: on a stream, on a console, in the names of a store."""

from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from seedproof.printable import PrintableStream, counted, file_name, printable, printable_line
from seedproof.report.console import Console
from seedproof.store import Cell

CLEARS = "a\x1b[2J\x1b]0;owned\x07b\x9b31m\u202ec\x00"
SHOWN = "a␛[2J␛]0;owned␇b\ufffd31m\ufffdc␀"


def test_controls_become_characters_that_show():
    """Escape sequences of 7 and 8 bits, marks of direction, halves of surrogate pairs; every other text stays."""
    assert printable(CLEARS) == SHOWN
    assert printable("tab\tline\nend \ud800") == "tab\tline\nend \ufffd"
    assert printable_line("tab\tline\r\n") == "tab␉line␍␊"
    assert printable_line("Prüfung – 試験 🙂 👩‍🔬") == "Prüfung – 試験 🙂 👩‍🔬"


def test_a_stream_lets_no_control_through_and_is_else_the_stream():
    inner = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    stream = PrintableStream(inner)
    print(CLEARS, file=stream, flush=True)
    stream.writelines([CLEARS])
    assert stream.encoding == "utf-8"
    inner.seek(0)
    assert inner.read() == f"{SHOWN}\n{SHOWN}"
    with pytest.raises(TypeError):
        stream.write(b"")  # type: ignore[arg-type]  # by this, click knows that it is no binary stream


def test_a_console_colours_and_a_text_does_not():
    """rich's own escape sequences are there, those of the text are not."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=60, highlight=False)
    table = Table("name")
    table.add_row(Text(CLEARS, style="bold"))
    console.print(table)
    console.print(CLEARS, markup=False)
    written = file.getvalue()
    assert "\x1b[1m" in written
    assert "\x1b[2J" not in written
    assert "\x1b]0" not in written
    assert "a␛[2J␛]0;owned" in written


def test_the_names_of_a_cell_are_one_line_each():
    cell = Cell(task="a\nb", model=CLEARS, recipe="r", seed="0", id="0" * 16)
    assert (cell.task, cell.model) == ("a␊b", SHOWN)


def test_a_file_name_leads_nowhere():
    assert file_name("../../etc/x\x1b\n") == "etc-x"
    assert file_name("fig4") == "fig4"


def test_a_noun_has_its_number():
    assert [counted(n, "epoch") for n in (0, 1, 2500)] == ["0 epochs", "1 epoch", "2,500 epochs"]
    assert [counted(n, "epoch") for n in (1.0, 0.5)] == ["1 epoch", "0.5 epochs"]
