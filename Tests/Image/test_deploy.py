"""Deploy/: the files for Docker."""

import re

import yaml

from conftest import ROOT

DOCKERFILE = (ROOT / "Deploy" / "Dockerfile").read_text()


def test_compose_names_what_the_image_has(archive, service):
    assert service["image"] == archive.entry["annotations"]["org.opencontainers.image.ref.name"].removesuffix(":latest")
    volume, path = service["volumes"][0].split(":")
    assert {path: {}} == archive.config["Volumes"]
    assert volume in yaml.safe_load((ROOT / "Deploy" / "compose.yaml").read_text())["volumes"]
    _, _, port = service["ports"][0].rpartition(":")
    assert f"{port}/tcp" in archive.config["ExposedPorts"]


def test_compose_gives_no_more_rights_than_are_needed(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "user", "network_mode", "pid"} & service.keys()
    # Docker opens published ports to all networks, bypassing the machine's firewall.
    assert service["ports"][0].startswith("${MARTLET_PUBLISH:-127.0.0.1:8080}:")


def test_compose_builds_what_script_image_makes(service):
    build = service["build"]
    assert (ROOT / "Deploy" / build["context"] / build["dockerfile"]).samefile(ROOT / "Deploy" / "Dockerfile")


def test_the_first_stage_makes_what_the_second_copies():
    made = re.search(r"script/image-root \.build/release/martlet (\S+)", DOCKERFILE)[1]
    assert re.findall(r"^COPY --from=build .*?(/\S+) ", DOCKERFILE, re.MULTILINE) == [f"{made}/root/", f"{made}/data/"]


def test_docker_sends_what_a_build_needs_and_no_more():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {".git", ".build", "Web/dist", "data", ".venv"} <= set(ignored)
    # Package.swift names their folders, so Swift requires them.
    assert not {"Tests", "Examples", "Sources", "script", "Web", "LICENSE"} & set(ignored)
