"""The tab key offers the names that the program knows, as the shell asks for them, and stays as light as the help."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASK = """
import sys
from seedproof.cli.app import app
try: app(prog_name="seedproof")
except SystemExit: pass
loaded = {'torch', 'transformers', 'pandas', 'scipy'} & set(sys.modules)
assert not loaded, loaded
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("study run --task glue/r", ["glue/rte"]),
        (
            "study run --task mini",
            [f"miniature/{name}" for name in ("acceptability", "answer", "entailment", "paraphrase")],
        ),
        ("study run --model miniature/r", ["miniature/roberta"]),
        ("study run --recipe mos", ["mosbach", "mosbach-v1"]),
        ("study run --recipe mosbach+ll", ["mosbach+llrd"]),
        ("study run --set llr", ["llrd.decay=", "llrd.embeddings="]),
        ("study run --set learning", ["learning_rate=", "learning_rate_factor="]),
        ("study run --task rows.c", []),
        ("reproduce fig13", ["fig13"]),
        ("ls f", ["fields"]),
        ("study run --track tens", ["tensorboard:"]),
        ("ben", ["bench"]),
    ],
)
def test_bash_is_offered(words, offered):
    asked = {"_SEEDPROOF_COMPLETE": "complete_bash", "COMP_WORDS": f"seedproof {words}"}
    environment = {**os.environ, **asked, "COMP_CWORD": str(len(words.split()))}
    found = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert sorted(found.stdout.split()) == sorted(offered), found.stderr
