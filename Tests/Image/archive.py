"""Reads an archive of script/image, independently of the tools that created it."""

import hashlib
import json
import tarfile
from pathlib import Path


class Archive:
    def __init__(self, path: Path):
        self.path = path
        self._archive = tarfile.open(path)
        self.index = self.json("index.json")
        self.entry, = self.index["manifests"]
        self.manifest = json.loads(self.blob(self.entry))
        self.configuration = json.loads(self.blob(self.manifest["config"]))
        self.layer, = self.manifest["layers"]

    @property
    def digest(self) -> str:
        return self.entry["digest"]

    @property
    def config(self) -> dict:
        """The Config in `docker inspect`."""
        return self.configuration["config"]

    @property
    def names(self) -> list[str]:
        return self._archive.getnames()

    def json(self, name: str) -> object:
        return json.loads(self._archive.extractfile(name).read())

    def blob(self, descriptor: dict) -> bytes:
        """The content of a descriptor, checked against its digest and size."""
        algorithm, _, digest = descriptor["digest"].partition(":")
        content = self._archive.extractfile(f"blobs/{algorithm}/{digest}").read()
        assert hashlib.new(algorithm, content).hexdigest() == digest
        assert len(content) == descriptor["size"]
        return content

    def files(self) -> tarfile.TarFile:
        """The layer."""
        algorithm, _, digest = self.layer["digest"].partition(":")
        return tarfile.open(fileobj=self._archive.extractfile(f"blobs/{algorithm}/{digest}"), mode="r:gz")

    def unpack(self, folder: Path) -> None:
        """Unpacks the layer with its owners and modes."""
        with self.files() as files:
            # Newer versions of Python would drop the owners. Debian 12's has no parameter `filter`.
            files.extraction_filter = lambda member, _: member
            files.extractall(folder, numeric_owner=True)
