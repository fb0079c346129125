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


def settings_table(guide: str) -> list[list[str]]:
    text = (GUIDES / guide).read_text()
    lines = text[text.index("| `only` |"):].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_table_of_settings_is_the_one_that_the_binary_prints():
    printed = subprocess.run(
        [MARTLET, "config", "keys", "--markdown"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert printed.strip() in (GUIDES / "configuration.md").read_text()
    # In Chinese the meaning is translated, and the default where it is text.
    assert [row[:2] for row in settings_table("zh-CN/configuration.md")] == [
        row[:2] for row in settings_table("configuration.md")
    ]


def test_the_guides_code_is_that_of_the_example():
    """The walk through Examples/Notes shows its lines as they are."""
    example = (ROOT / "Examples/Notes/NotesService.swift").read_text() + (ROOT / "Tests/NotesTests/NotesTests.swift").read_text()
    guide = (GUIDES / "add-a-service.md").read_text()
    walk = guide[guide.index("## How a service reads"):]
    for block in re.findall(r"(?ms)^```swift\n(.*?)^```", walk):
        assert block.strip("\n") in example, block
