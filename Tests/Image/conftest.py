"""Builds an image of the debug build once, and runs containers of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from archive import Archive
from container import Container
from network import enter_own_namespaces, free_port

ROOT = Path(__file__).parent.parent.parent
MARTLET = ROOT / ".build" / "debug" / "martlet"


def make_image(*arguments: object, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [ROOT / "script" / "image", *map(str, arguments)], capture_output=True, text=True, env=os.environ | variables)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder of the image, removed at the end: the unpacked files are as large as the debug build."""
    folder = tmp_path_factory.mktemp("image")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def archive(folder) -> Archive:
    made = make_image("--binary", MARTLET, "--output", folder / "martlet.tar")
    assert made.returncode == 0, made.stderr
    return Archive(folder / "martlet.tar")


@pytest.fixture(scope="session")
def root(archive, folder) -> Path:
    """The image's root file system, unpacked."""
    root = folder / "root"
    archive.unpack(root)
    return root


@pytest.fixture(scope="session")
def service() -> dict:
    """The service of Deploy/compose.yaml."""
    return yaml.safe_load((ROOT / "Deploy" / "compose.yaml").read_text())["services"]["martlet"]


@pytest.fixture(scope="session")
def namespaces() -> None:
    """From here on the tests have their own network and mounts."""
    enter_own_namespaces()


@pytest.fixture(scope="module")
def new_container(archive, service, root, namespaces, tmp_path_factory):
    """Creates containers with an empty volume. The first listens on the image's default port."""
    containers = []

    def make(variables: dict = {}, files: dict = {}):
        folder = tmp_path_factory.mktemp("container")
        listen = {"MARTLET_LISTEN": f"127.0.0.1:{free_port()}"} if containers else {}
        container = Container(archive.config, service, root, folder, listen | variables, files)
        containers.append(container)
        return container

    yield make
    for container in containers:
        container.remove()
