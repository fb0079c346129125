"""The archive, the manifest and the configuration, which engines and registries read."""

import json
import subprocess

import pytest

from archive import Archive
from conftest import MARTLET, make_image


def test_is_the_same_when_made_again(archive, folder):
    made = make_image("--binary", MARTLET, "--output", folder / "again.tar")
    assert made.returncode == 0, made.stderr
    again = folder / "again.tar"
    assert Archive(again).digest == archive.digest
    assert again.read_bytes() == archive.path.read_bytes()
    assert archive.digest in made.stdout and "MB compressed" in made.stdout
    again.unlink()


def test_has_a_valid_layout(archive):
    assert archive.json("oci-layout") == {"imageLayoutVersion": "1.0.0"}
    assert archive.index["schemaVersion"] == 2
    assert archive.manifest["config"]["mediaType"] == "application/vnd.oci.image.config.v1+json"
    assert archive.layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    # Reading a blob compares its digest and size.
    archive.blob(archive.layer)
    blobs = [archive.entry, archive.manifest["config"], archive.layer]
    assert {name for name in archive.names if name.startswith("blobs/")} == \
        {f"blobs/{blob['digest'].replace(':', '/')}" for blob in blobs}


@pytest.mark.parametrize("transport", ["oci-archive", "docker-archive"])
def test_is_loaded_by_engines_in_both_formats(archive, tmp_path, transport):
    """Docker before version 25 reads the older one."""
    buildah = ["buildah", "--storage-driver", "vfs", "--root", tmp_path / "storage", "--runroot", tmp_path / "run"]
    pulled = subprocess.run([*buildah, "pull", "--quiet", f"{transport}:{archive.path}"], capture_output=True, text=True)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stdout.strip() == archive.manifest["config"]["digest"].removeprefix("sha256:")
    subprocess.run([*buildah, "rmi", "--all"], check=True, capture_output=True)


def test_says_how_it_is_run(archive):
    config = archive.config
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/martlet"]
    assert config["Cmd"] == ["serve"]
    assert config["WorkingDir"] == "/var/lib/martlet"
    assert config["Volumes"] == {"/var/lib/martlet": {}}
    assert config["ExposedPorts"] == {"8080/tcp": {}}
    assert config["Env"] == [
        "PATH=/usr/bin", "MARTLET_LISTEN=0.0.0.0:8080", "MARTLET_DATA_DIR=/var/lib/martlet"]


def test_says_what_it_is(archive):
    version = subprocess.run([MARTLET, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    labels = archive.config["Labels"]
    assert labels["org.opencontainers.image.title"] == "Martlet"
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert "org.opencontainers.image.source" not in labels, "nobody has said one"
    assert archive.manifest["annotations"] == labels | {
        "org.opencontainers.image.created": archive.configuration["created"]}


def make_small_image(output, *arguments: str, **variables: str):
    """A small program, for tests that do not depend on the program."""
    return make_image("--binary", "/usr/bin/env", "--output", output, *arguments, **variables)


def test_says_what_it_is_told(tmp_path):
    made = make_small_image(
        tmp_path / "layout", "--source", "https://example.org/martlet", "--tag", "registry.example.org/apps/martlet:7",
        SOURCE_DATE_EPOCH="86400")
    assert made.returncode == 0, made.stderr
    # A folder instead of an archive.
    index = json.loads((tmp_path / "layout" / "index.json").read_text())
    entry, = index["manifests"]
    assert entry["annotations"] == {
        "org.opencontainers.image.ref.name": "registry.example.org/apps/martlet:7",
        "io.containerd.image.name": "registry.example.org/apps/martlet:7"}
    manifest = json.loads((tmp_path / "layout" / "blobs" / entry["digest"].replace(":", "/")).read_text())
    assert manifest["annotations"]["org.opencontainers.image.source"] == "https://example.org/martlet"
    assert manifest["annotations"]["org.opencontainers.image.created"] == "1970-01-02T00:00:00Z"


def test_is_not_made_when_it_is_too_large(tmp_path):
    made = make_small_image(tmp_path / "large.tar", "--limit", "1")
    assert made.returncode == 1
    assert "more than the limit of 1 MB" in made.stderr
    assert not list(tmp_path.iterdir())
