"""The contents of the image: only what the program needs."""

import os
import ssl
import stat
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def members(archive) -> dict:
    with archive.files() as files:
        return {member.name: member for member in files}


def is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


@pytest.fixture(scope="module")
def loader(root) -> str:
    """The path of the loader in the image."""
    path, = [path for folder in root.glob("lib*") for path in folder.glob("ld-linux*")]
    return f"/{path.relative_to(root)}"


@pytest.fixture(scope="module")
def libraries(root, loader):
    """The paths of the libraries that a file in the image loads, as resolved by the image's loader."""

    def libraries(file: str) -> set[str]:
        listed = subprocess.run(
            [loader, "--list", file], capture_output=True, text=True, env={}, timeout=30,
            preexec_fn=lambda: (os.chroot(root), os.chdir("/")))
        assert listed.returncode == 0, f"{file}: {listed.stderr}"
        assert "not found" not in listed.stdout, f"{file}: {listed.stdout}"
        return {line.split(" => ")[1].split(" ")[0] for line in listed.stdout.splitlines() if " => " in line}

    return libraries


def test_has_every_library_and_none_too_many(root, libraries, loader):
    programs = [f"/{path.relative_to(root)}" for path in sorted(root.rglob("*"))
                if path.is_file() and not path.is_symlink() and is_program(path)]
    assert "/usr/bin/martlet" in programs
    used = set().union(*(libraries(program) for program in programs if program != loader))
    modules = {program for program in programs if "/gconv/" in program}
    needed = {os.path.normpath(path) for path in used} | {"/usr/bin/martlet", loader}
    assert set(programs) - modules == needed - modules


def test_has_one_program_and_no_shell(members):
    assert [name for name in members if Path(name).parent.name in ("bin", "sbin") and not members[name].isdir()] == \
        ["usr/bin/martlet"]
    # The loader is in lib or lib64, depending on the architecture.
    assert {name.split("/")[0] for name in members} - {"lib", "lib64"} == {"etc", "usr", "var"}


def test_is_stripped(root):
    for path in [root / "usr/bin/martlet", *root.glob("usr/lib/*/*.so*")]:
        sections = subprocess.run(
            ["readelf", "--section-headers", "--wide", path], capture_output=True, text=True, check=True).stdout
        assert " .text " in sections
        assert ".symtab" not in sections and ".debug_info" not in sections, path


def test_gives_nobody_rights(members):
    for name, member in members.items():
        assert not member.mode & (stat.S_ISUID | stat.S_ISGID), name
        assert member.isreg() or member.isdir() or member.issym(), f"{name} is a device"
        assert not member.pax_headers, f"{name} has capabilities"
        if name == "var/lib/martlet":
            assert (member.uid, member.gid, stat.S_IMODE(member.mode)) == (65532, 65532, 0o700)
        else:
            assert (member.uid, member.gid) == (0, 0), name
            assert not member.mode & 0o022 or member.issym(), f"{name} can be written by others"


def test_has_one_time(members, archive):
    times = {member.mtime for member in members.values()}
    assert len(times) == 1


def test_has_the_user(root):
    assert "martlet:x:65532:65532:Martlet:/var/lib/martlet:/usr/sbin/nologin" in \
        (root / "etc/passwd").read_text().splitlines()
    assert "martlet:x:65532:" in (root / "etc/group").read_text().splitlines()


def test_trusts_the_authorities_of_the_package(root):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(root / "etc/ssl/certs/ca-certificates.crt")
    packaged = list(Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    assert len(context.get_ca_certs()) == len(packaged) > 100


def test_says_which_packages_are_inside_and_under_which_licences(root):
    packages = {path.name for path in (root / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6", "libpq5", "libsqlite3-0", "libssl3", "ca-certificates"} <= packages
    for package in packages:
        status = (root / "var/lib/dpkg/status.d" / package).read_text()
        assert f"Package: {package}\n" in status and "\nVersion: " in status
        assert (root / "usr/share/doc" / package / "copyright").exists(), package
    assert (root / "usr/share/doc/martlet/LICENSE").exists()
    assert "ID=" in (root / "etc/os-release").read_text()
