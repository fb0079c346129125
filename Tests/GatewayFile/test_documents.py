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
    """The walk through Examples/Notes, and the guides on messaging, show lines of the examples as they are."""
    add = (GUIDES / "add-a-service.md").read_text()
    guides = {
        add[add.index("## How a service reads"):]: ["Examples/Notes", "Tests/NotesTests"],
        (GUIDES / "messaging.md").read_text(): ["Examples/Wishlists", "Tests/WishlistsTests"],
        (GUIDES / "events-with-python.md").read_text(): ["Examples/Shop/Sources/Reviews"],
    }
    for guide, folders in guides.items():
        example = "".join(path.read_text() for folder in folders for path in (ROOT / folder).glob("*.swift"))
        for block in re.findall(r"(?ms)^```swift\n(.*?)^```", guide):
            assert block.strip("\n") in example, block
