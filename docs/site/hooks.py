"""What the site has beside the pages that ``mkdocs.yml`` names: folders, the repository's own pages, notebooks as pages."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

LINK = re.compile(r"(?<!!)\[(?P<label>[^\]]*)\]\((?P<path>[\w./-]+\.\w+)(?:#[\w-]*)?\)")
"""A link to a file; an image is none."""
OUTSIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Pages in the root of the repository, with their places in the site."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts the pages of a folder into the navigation where it names the folder."""
    config.nav = with_folders(config.nav, Path(config.docs_dir))
    return config


def with_folders(part: Any, docs: Path) -> Any:
    """A part of the navigation with the pages of its folders, README first."""
    if isinstance(part, list):
        return [with_folders(each, docs) for each in part]
    if isinstance(part, dict):
        return {title: with_folders(each, docs) for title, each in part.items()}
    if not part.endswith("/"):
        return part
    pages = sorted((docs / part).glob("*.md"), key=lambda page: (page.stem != "README", page.name))
    return [page.relative_to(docs).as_posix() for page in pages]


def on_files(files: Files, config: MkDocsConfig, **_: Any) -> Files:
    """Adds these pages, and for each notebook a page with the images of its outputs."""
    for name, place in OUTSIDE.items():
        text = (Path(config.config_file_path).parent / name).read_text(encoding="utf-8")
        files.append(File.generated(config, place, content=re.sub(r"\]\(docs/", "](", text)))
    for notebook in [file for file in files if file.src_uri.endswith(".ipynb")]:
        for place, content in converted(notebook).items():
            files.append(File.generated(config, place, content=content))
        files.remove(notebook)
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Links to what has another place in the site lead there; those to source code, which it has not, become its name."""
    docs = Path(config.docs_dir)
    here = (docs / page.file.src_uri).parent

    def as_in_the_site(link: re.Match[str]) -> str:
        path = Path(os.path.normpath(here / link["path"]))
        if path.is_relative_to(docs):
            return link[0].replace(".ipynb", ".md")
        place = OUTSIDE.get(path.relative_to(docs.parent).as_posix())
        return f"[{link['label']}]({os.path.relpath(docs / place, here)})" if place else link["label"]

    return LINK.sub(as_in_the_site, markdown)


def converted(notebook: File) -> dict[str, str | bytes]:
    """A notebook as a page of Markdown, and its images, by their places in the site."""
    place = PurePosixPath(notebook.src_uri)
    cells = nbformat.reads(notebook.content_string, as_version=4)
    text, resources = MarkdownExporter().from_notebook_node(cells, {"unique_key": place.stem})
    images = {str(place.parent / name): content for name, content in resources["outputs"].items()}
    return {str(place.with_suffix(".md")): text, **images}
