"""The guide works when pasted from top to bottom, for a FastAPI service and for a Django project."""

import pytest
from pasting import parts, paste


@pytest.mark.parametrize("heading", ["## FastAPI", "## Django"])
def test_a_path_works_as_pasted(heading, tmp_path):
    steps = parts("behind-the-gateway.md", heading)
    assert len(steps) == 4
    paste([block for step in steps.values() for block in step], tmp_path, ["8001", "8002", "8080"])
