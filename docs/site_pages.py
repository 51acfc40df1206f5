"""A hook of mkdocs: puts pages from outside docs/ on the site, and mends links for it.

README.md, the model card, CONTRIBUTING.md and others stand where a reader of the repository looks for them.
On the site they are pages beside those of docs/. Links are written for the repository; a link to a file that
is no page of the site becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# Page of the site -> file of the repository.
PAGES = {
    "index.md": "README.md",
    "model-card.md": "packages/liax-weights-small/README.md",
    "model-card-live.md": "packages/liax-weights-live/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "benchmarks.md": "benchmarks/README.md",
}
_SOURCES = {source: page for page, source in PAGES.items()}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)\s#]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages, and the pictures beside them."""
    for page, source in PAGES.items():
        path = ROOT / source
        files.append(File.generated(config, page, content=path.read_text(encoding="utf-8")))
        for picture in path.parent.glob("*.png"):
            files.append(File.generated(config, picture.name, abs_src_path=str(picture)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links of the repository as links of the site."""
    name = page.file.src_uri
    folder = posixpath.dirname(PAGES.get(name, f"docs/{name}"))
    return _LINK.sub(lambda found: _mended(found, folder, files), markdown)


def _mended(found: re.Match[str], folder: str, files: Files) -> str:
    picture, text, target, anchor = found[1], found[2], found[3], found[4] or ""
    path = posixpath.normpath(posixpath.join(folder, target))
    name = _SOURCES.get(path) or path.removeprefix("docs/")
    if picture and files.get_file_from_path(posixpath.basename(path)):
        name = posixpath.basename(path)
    if files.get_file_from_path(name) is None:
        if not (ROOT / path).exists():
            return found[0]  # mkdocs says that it leads nowhere
        return text
    return f"{picture}[{text}]({name}{anchor})"
