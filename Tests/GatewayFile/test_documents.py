"""What the documents point to exists, and the table of settings has every key."""

import re
import subprocess
from pathlib import Path

import pytest
from pasting import GUIDES, MARTLET, ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "Benchmarks/README.md", ROOT / "Web/README.md"]


def anchors(document: Path) -> set[str]:
    """Those that GitHub gives to headings."""
    text = re.sub(r"(?ms)^```.*?^```", "", document.read_text())
    headings = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    text = re.sub(r"(?ms)^```.*?^```", "", document.read_text())
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("guide", ["configuration.md", "zh-CN/configuration.md"])
def test_the_table_of_settings_has_every_key(guide):
    printed = subprocess.run([MARTLET, "config", "keys"], capture_output=True, text=True, timeout=60, check=True).stdout
    keys = re.findall(r"(?m)^(\w+):", printed)
    assert len(keys) > 20
    text = (GUIDES / guide).read_text()
    table = text[text.index("| `only` |"):].split("\n\n")[0]
    rows = re.findall(r"(?m)^\| (`\w+`(?:(?:, |、)`\w+`)*) \|", table)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(keys)


def test_the_guides_code_is_that_of_the_example():
    """The walk through Examples/Notes shows its lines as they are."""
    example = (ROOT / "Examples/Notes/NotesService.swift").read_text() + (ROOT / "Tests/NotesTests/NotesTests.swift").read_text()
    guide = (GUIDES / "add-a-service.md").read_text()
    walk = guide[guide.index("## How a service reads"):]
    for block in re.findall(r"(?ms)^```swift\n(.*?)^```", walk):
        assert block.strip("\n") in example, block
