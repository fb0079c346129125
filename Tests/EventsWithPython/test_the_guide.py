"""The guide works when pasted from top to bottom, for both programs, whose code is that of the tests."""

import pytest
from conftest import PROGRAMS
from pasting import GUIDES, blocks, parts, paste

GUIDE = "events-with-python.md"


@pytest.mark.parametrize("heading", ["## FastAPI", "## Django"])
def test_a_path_works_as_pasted(heading, tmp_path):
    steps = [*parts(GUIDE, "## Start").values(), *parts(GUIDE, heading).values()]
    paste([block for step in steps for block in step], tmp_path, ["6379", "8001", "8080"])


def test_the_guide_shows_the_programs():
    shown = {block.file: block.text for block in blocks((GUIDES / GUIDE).read_text()) if block.file}
    for path in PROGRAMS.rglob("*.py"):
        assert shown[str(path.relative_to(PROGRAMS))] == path.read_text()
