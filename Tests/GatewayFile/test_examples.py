"""Every example in the guides is valid by the schema and by `martlet gateway check`; both reject the same errors."""

import json
import re
import subprocess
import textwrap
from pathlib import Path

import google.api.http_pb2
import jsonschema
import pytest
import yaml
from grpc_tools import protoc

ROOT = Path(__file__).parent.parent.parent
MARTLET = ROOT / ".build" / "debug" / "martlet"
SCHEMA = json.loads((ROOT / "docs" / "gateway.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def examples() -> list:
    """The YAML blocks in the guides that are part of a gateway's file, with guide, heading and line."""
    found = []
    guides = ROOT / "docs" / "guides"
    for guide in sorted(guides.rglob("*.md")):
        name = guide.relative_to(guides).with_suffix("")
        lines = guide.read_text().splitlines()
        heading = ""
        for number, line in enumerate(lines):
            if line.startswith("#"):
                heading = line.strip("# ")
            if line == "```yaml":
                block = "\n".join(lines[number + 1:lines.index("```", number)])
                if (text := completed(block)) is not None:
                    found.append(pytest.param(text, id=f"{name}:{number + 2} {heading}"))
    return found


def completed(block: str) -> str | None:
    """A complete file with the block in it; None if the block is about something else.

    Alternatives that are commented out replace the lines to which they are an alternative.
    """
    known = SCHEMA["properties"]
    first = next(line for line in block.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    key = first.strip().lstrip("- ").split(":")[0]
    if not first.startswith(" "):
        return with_upstreams(block) if key in known else None
    inner = textwrap.dedent(block)
    if inner.startswith("- "):
        return with_upstreams("routes:\n" + textwrap.indent(inner, "  "))
    if key in SCHEMA["$defs"]["upstream"]["properties"]:
        if not re.search(r"^(endpoints|discovery):", inner, re.M):
            inner += '\nendpoints: ["http://127.0.0.1:1"]'
        return "upstreams:\n  example:\n" + textwrap.indent(inner, "    ")
    if key in SCHEMA["$defs"]["route"]["properties"]:
        keys = set(yaml.safe_load(inner))
        if not keys & {"path", "prefix"}:
            inner += "\npath: /example"
        if not keys & {"upstream", "split", "grpc", "redirect", "respond", "files", "aggregate"}:
            inner += "\nupstream: example"
        if "permission" in keys and "authentication" not in keys:
            inner += '\nauthentication: {jwt: {jwks: "https://a.example/jwks.json"}}'
        return with_upstreams("routes:\n  -\n" + textwrap.indent(inner, "    "))
    return None


def with_upstreams(text: str) -> str:
    """Adds missing upstreams."""
    document = yaml.safe_load(text)
    named = set()
    for route in document.get("routes", []):
        named |= {route["upstream"]} if "upstream" in route else set()
        named |= {share["upstream"] for share in route.get("split", [])}
        named |= {part["upstream"] for part in route.get("aggregate", {}).get("parts", {}).values()}
        named |= {route["grpc"]["upstream"]} if "grpc" in route else set()
    # The platform defines two itself.
    missing = named - set(document.get("upstreams", {})) - {"accounts", "catalog"}
    if not missing:
        return text
    upstreams = "".join(f'\n  {name}: {{endpoints: ["http://127.0.0.1:1"]}}' for name in sorted(missing))
    if re.search(r"^upstreams:", text, re.M):
        return re.sub(r"^upstreams:", f"upstreams:{upstreams}", text, count=1, flags=re.M)
    return f"upstreams:{upstreams}\n{text}"


def check(text: str, folder: Path) -> subprocess.CompletedProcess:
    """Creates the files that examples refer to."""
    for path in set(re.findall(r"(/(?:etc|srv)/[\w/.-]+)", text)):
        place = folder / path.lstrip("/")
        text = re.sub(rf"{re.escape(path)}(?![\w/.-])", str(place), text)
        provide(place)
    for path in set(re.findall(r"\b(?:certificate|key|ca|descriptors|root): (\w[\w/.-]*)", text)):
        provide(folder / path)
    file = folder / "gateway.yaml"
    file.write_text(text)
    return subprocess.run([MARTLET, "gateway", "check", file], capture_output=True, text=True, timeout=60)


def provide(place: Path) -> None:
    """Creates a file of the kind that the suffix names, or a folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix in (".pem", ".key", ".crt"):
        certificate(place)
    elif place.suffix == ".pb":
        descriptors(place)
    elif place.suffix:
        place.touch()
    else:
        place.mkdir(exist_ok=True)
        (place / "index.html").write_text("<!doctype html>")


def certificate(place: Path) -> None:
    """A certificate and its key: `a.pem` belongs to `a.key`."""
    stem = place.with_suffix("")
    if not stem.with_suffix(".pem").exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=a.example.org", "-keyout", stem.with_suffix(".key"),
             "-out", stem.with_suffix(".pem")], check=True, capture_output=True)


def descriptors(place: Path) -> None:
    """The library used in the guides."""
    includes = [ROOT / "Tests" / "Transcoding", Path(google.api.http_pb2.__file__).parents[2],
                Path(protoc.__file__).parent / "_proto"]
    status = protoc.main(["protoc", *(f"-I{folder}" for folder in includes), "--include_imports",
                          f"--descriptor_set_out={place}", "library.proto"])
    assert status == 0


def test_schema_matches_the_binary():
    printed = subprocess.run([MARTLET, "gateway", "schema"], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(printed.stdout) == SCHEMA
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_there_are_examples():
    assert len(examples()) >= 15


@pytest.mark.parametrize("text", examples())
def test_example_is_valid(text, tmp_path):
    errors = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(yaml.safe_load(text))]
    assert not errors, text
    result = check(text, tmp_path)
    assert result.returncode == 0, f"{result.stderr}\n{text}"


@pytest.mark.parametrize("text", [
    "bananas: 1",
    "upstreams: [a]",
    "upstreams: {a: {}}",
    "upstreams: {a: {endpoints: []}}",
    'upstreams: {a: {endpoints: ["ftp://a"]}}',
    'upstreams: {a: {endpoints: ["http://a:1"], balance: best}}',
    'upstreams: {a: {endpoints: ["http://a:1"], balance: {consistent_hash: server}}}',
    'upstreams: {a: {endpoints: ["http://a:1"], health: {interval: 5s}}}',
    'upstreams: {a: {endpoints: ["http://a:1"], breaker: {failures: 0}}}',
    'upstreams: {a: {endpoints: [{url: "http://a:1", weight: 0}]}}',
    "routes: [{respond: {}}]",
    "routes: [{path: /a}]",
    "routes: [{path: /a, prefix: /b, respond: {}}]",
    "routes: [{path: /a, respond: {}, redirect: {to: /b}}]",
    "routes: [{path: /a, respond: {status: 99}}]",
    "routes: [{path: /a, redirect: {to: /b, status: 304}}]",
    "routes: [{path: a, respond: {}}]",
    "routes: [{path: /a, respond: {}, methods: [get]}]",
    "routes: [{path: /a, respond: {}, body_limit: lots}]",
    "routes: [{path: /a, respond: {}, timeouts: {total: 5}}]",
    "routes: [{path: /a, respond: {}, timeouts: {total: 5 minutes}}]",
    "routes: [{path: /a, respond: {}, retry: {attempts: 11}}]",
    "routes: [{path: /a, respond: {}, retry: {statuses: [404]}}]",
    "routes: [{path: /a, respond: {}, cors: {}}]",
    "routes: [{path: /a, respond: {}, rate_limit: {requests: 1, per: 1s}}]",
    "routes: [{path: /a, respond: {}, rate_limit: [{by: moon, requests: 1, per: 1s}]}]",
    "routes: [{path: /a, respond: {}, rate_limit: [{requests: 1}]}]",
    "routes: [{path: /a, respond: {}, authentication: {}}]",
    "routes: [{path: /a, respond: {}, authentication: {jwt: {issuer: a}}}]",
    "routes: [{path: /a, respond: {}, authentication: {jwt: {jwks: file:///a}}}]",
    "routes: [{path: /a, respond: {}, authentication: {jwt: {keys: [{algorithm: HS256, secret: short}]}}}]",
    "routes: [{path: /a, respond: {}, authentication: {jwt: {keys: [{algorithm: ES256, secret: 0123456789abcdef0123456789abcdef}]}}}]",
    "routes: [{path: /a, respond: {}, authentication: {api_keys: {keys: [{name: a, sha256: 00}]}}}]",
    "routes: [{path: /a, respond: {}, addresses: {allow: [somewhere]}}]",
    "routes: [{path: /a, respond: {}, authentication: }]",
    "routes: [{path: /a, respond: {}, permission: null}]",
    "routes: [{path: /a, respond: {}, permission: p}]",
    "routes: [{path: /a, respond: {}, addresses: ~}]",
    "routes: [{path: /a, respond: {}, rate_limit: }]",
    "routes: [{path: /a, respond: {}, rate_limit: [null]}]",
    "routes: [{path: /a, respond: {}, rate_limit: [{by: user, header: X-A, requests: 1, per: 1s}]}]",
    "routes: [{path: /a, respond: {}, request_headers: {set: {X-A: }}}]",
    "routes: [{path: /a, respond: {}, security_headers: }]",
    "routes: [{path: /a, aggregate: {parts: {one: }}}]",
    "routes: ",
    "upstreams: {a: }",
    'upstreams: {a: {endpoints: ["http://a:1"], breaker: }}',
    'upstreams: {a: {endpoints: ["http://a:0"]}}',
    'upstreams: {a: {endpoints: ["a"]}}',
    'upstreams: {a: {discovery: {dns: {name: a, port: 1, server: "a.example:53"}}}}',
    'upstreams: {a: {discovery: {dns: {name: a, port: 1, server: "10.0.0.53"}}}}',
    "limits: {target: 0}",
    "limits: {head: 0KiB}",
    "tls: {certificates: []}",
    "access_log: {sample: 2}",
    "tls: {}",
    "limits: {headers: 0}",
    "trusted_proxies: [everybody]",
    'routes: [{path: "/users/:id", respond: {}}]',
    "routes: [{path: /x/*, respond: {}}]",
    'routes: [{prefix: "/users/{id}", respond: {}}]',
    "routes: [{path: /a, upstream: catalog, encoded_slashes: maybe}]",
    "routes: [{path: /a, upstream: catalog, upgrade: [websocket], authentication: {jwt: {jwks: 'http://a'}, websocket: {}}}]",
    "routes: [{path: /a, upstream: catalog, upgrade: [websocket], authentication: {jwt: {jwks: 'http://a'}, websocket: {cookie: a}}}]",
    "platform: {authentication: {jwt: {jwks: 'http://a'}}}",
    "platform: {cors: true}",
    "tls: {certificates: [{certificate: /etc/tls/a.pem, key: /etc/tls/a.key}], redirect: {}}",
    "tls: {certificates: [{certificate: /etc/tls/a.pem, key: /etc/tls/a.key}], redirect: {listen: here}}",
])
def test_invalid_files_fail_schema_and_reader(text, tmp_path):
    assert not VALIDATOR.is_valid(yaml.safe_load(text))
    result = check(text, tmp_path)
    assert result.returncode == 2, result.stdout
    assert "gateway.yaml:1: " in result.stderr


@pytest.mark.parametrize("text", [
    'upstreams: {a: {discovery: {dns: {name: a, port: 1, server: "10.0.0.53:53"}}}}',
    'upstreams: {a: {endpoints: ["10.0.0.1:80", "http://[::1]:80/", "unix:/run/a.sock"]}}',
    "routes: [{path: /a, upstream: catalog}]",
    "routes: [{path: /a, respond: {body: '', content_type: 'null'}}]",
    "limits: {target: 16, request_body: 0, cache: 0}",
    "platform: {cors: {origins: ['https://a.example']}, rate_limit: [{requests: 1, per: 1s}]}",
    "routes: [{prefix: /a, upstream: catalog, encoded_slashes: keep}]",
    "routes: [{path: /a, upstream: catalog, upgrade: [websocket], authentication: {jwt: {jwks: 'http://a'}, websocket: {protocol: bearer}}}]",
    "tls: {certificates: [{certificate: /etc/tls/a.pem, key: /etc/tls/a.key}], redirect: {listen: '[::]:80', port: 443}}",
])
def test_valid_files_pass_schema_and_reader(text, tmp_path):
    assert not [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]
    result = check(text, tmp_path)
    assert result.returncode == 0, result.stderr
