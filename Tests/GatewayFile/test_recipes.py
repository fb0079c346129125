"""Every recipe in the gateway's guide works when pasted: its file, its commands and their output."""

import pytest
from pasting import Block, parts, paste

RECIPES = parts("gateway.md", "## Recipes")
APP, SERVE = RECIPES.pop("Recipes")[:2], Block("sh", "martlet serve --gateway-file gateway.yaml\n", None, False)
PORTS = ["8080", "8081", "9000", "9001", "9002", "50051"]


def test_there_are_recipes():
    assert len(RECIPES) >= 10


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_works_as_pasted(title, tmp_path):
    recipe = RECIPES[title]
    # Some recipes start the gateway themselves, once the upstreams in their file exist.
    if not any("martlet serve" in block.text for block in recipe):
        at = next(index for index, block in enumerate(recipe) if block.file == "gateway.yaml") + 1
        recipe = recipe[:at] + [SERVE] + recipe[at:]
    paste(APP + recipe, tmp_path, PORTS)
