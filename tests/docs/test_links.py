"""Every link of the documentation leads somewhere, and the site's navigation has every page."""

from __future__ import annotations

import pytest
import yaml
from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES, anchors, links

import seedproof

SITE = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"))
MADE = {"contributing.md", "changelog.md", "notebooks/first-study.md"}
"""Pages that the build makes (docs/site/hooks.py)."""


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_repository_lead_to_files_and_headings(page):
    for target in links(REPOSITORY / page):
        if target.startswith(("http:", "https:")):
            continue
        path, _, anchor = target.partition("#")
        file = (REPOSITORY / page).parent / path if path else REPOSITORY / page
        assert file.exists(), f"{page} links to {target}"
        assert not anchor or anchor in anchors(file), (
            f"{page} links to {target}; {file.name} has {sorted(anchors(file))}"
        )


def test_links_to_elsewhere_are_encrypted_and_well_formed():
    outside = {target for page in PAGES for target in links(REPOSITORY / page) if "//" in target}
    assert len(outside) > 5
    assert not [target for target in outside if not target.startswith("https://") or " " in target]


def listed(part) -> set[str]:
    """The files of a part of the navigation; a folder stands for its pages."""
    if isinstance(part, str):
        pages = [page.removeprefix("docs/") for page in PAGES if page.startswith(f"docs/{part}")]
        return set(pages) if part.endswith("/") else {part}
    return set().union(*map(listed, part.values() if isinstance(part, dict) else part))


def test_every_page_is_in_the_navigation():
    pages = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")}
    assert pages | MADE == listed(SITE["nav"]), "the navigation is in mkdocs.yml"


def test_every_public_name_is_in_the_api():
    text = "\n".join(path.read_text(encoding="utf-8") for path in REPOSITORY.glob("docs/api/*.md"))
    missing = [name for name in seedproof.__all__ if f"::: seedproof.{name}\n" not in text]
    assert not missing, "each needs a line `::: seedproof.NAME` in a page of docs/api"
