"""The image in use: the README's tour, as the image's user, on a read-only root file system."""

import re
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from network import free_port

EMAIL, PASSWORD = "admin@example.org", "Quartz-umbrella-73-vivid"
ADMINISTRATOR = {"MARTLET_ADMIN_EMAIL": EMAIL, "MARTLET_ADMIN_PASSWORD": PASSWORD}
MEI = {"email": "mei@example.com", "username": "mei", "password": "seven-green-teapots"}
# A name in each encoding, and the expected result.
ENCODINGS = {"utf-8": "茉莉花茶", "gbk": "乌龙茶", "big5": "烏龍茶", "shift_jis": "抹茶", "koi8-r": "Чай",
             "windows-1252": "Thé à la crème"}


def table(encoding: str) -> bytes:
    return f"name,sku,price\n{ENCODINGS[encoding]},{encoding},12.50\n".encode(encoding)


@pytest.fixture(scope="module")
def container(new_container):
    files = {f"/usr/share/{encoding}.csv": table(encoding) for encoding in ENCODINGS}
    return new_container(ADMINISTRATOR, files).start()


def sign_in(container, user: str, password: str) -> str:
    status, answer = container.call("POST", "/api/auth/login", {"username": user, "password": password})
    assert status == 200, answer
    return answer["access_token"]


@pytest.fixture(scope="module")
def administrator(container) -> str:
    return sign_in(container, EMAIL, PASSWORD)


def files_of(root) -> dict:
    return {path: path.lstat().st_mtime_ns for path in root.rglob("*") if "var/lib/martlet" not in str(path)}


def test_registers_signs_in_creates_and_lists(container, administrator):
    status, mei = container.call("POST", "/api/auth/register", MEI)
    assert (status, mei["permissions"]) == (201, [])
    token = sign_in(container, "mei", MEI["password"])
    assert container.call("GET", "/api/auth/me", token=token)[1]["email"] == MEI["email"]

    tea = {"name": "Jasmine tea", "sku": "TEA-1", "price": "12.50", "category": "Beverages", "stock": 40}
    status, problem = container.call("POST", "/api/products", tea, token)
    assert (status, problem["code"]) == (403, "permission_denied")
    status, product = container.call("POST", "/api/products", tea, administrator)
    assert (status, product["price"], product["stock"]) == (201, 12.5, 40)
    status, problem = container.call("POST", "/api/products", {"name": "", "price": -1, "stock": 1.5}, administrator)
    assert (status, len(problem["errors"])) == (422, 3)

    status, page = container.call("GET", "/api/products?search=tea&price__lte=20&in_stock=true&ordering=-price")
    assert (status, [item["name"] for item in page["items"]]) == (200, ["Jasmine tea"])
    path = f"/api/products/{product['id']}/reduce_stock"
    assert container.call("POST", path, {"quantity": 38}, administrator)[1]["stock"] == 2
    assert container.call("POST", path, {"quantity": 38}, administrator)[0] == 409


def test_serves_the_console_and_the_documentation(container):
    status, page = container.get("/")
    assert status == 200 and b'<div id="app">' in page
    for asset in re.findall(rb'(?:src|href)="(/(?:assets|vendor)/[^"]+)"', page):
        assert container.get(asset.decode())[0] == 200, asset
    assert container.get("/docs")[0] == 200
    status, document = container.call("GET", "/openapi.json")
    assert "/api/products/{id}/reduce_stock" in document["paths"]


def test_is_ready_and_counts(container):
    assert container.call("GET", "/health/ready") == (
        200, {"status": "ok", "services": {"accounts": "ok", "catalog": "ok"}})
    assert b"gateway_requests_total" in container.get("/metrics")[1]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_imports_a_table_in_any_encoding(container, encoding):
    imported = container.run("martlet", "import", "products", f"/usr/share/{encoding}.csv", "--encoding", encoding)
    assert imported.returncode == 0, imported.stderr
    _, page = container.call("GET", f"/api/products?sku={encoding}")
    assert [item["name"] for item in page["items"]] == [ENCODINGS[encoding]]


def test_runs_as_nobody_in_particular(container):
    status = container.status()
    assert status["Uid"].split() == ["65532"] * 4
    assert status["Gid"].split() == ["65532"] * 4
    assert int(status["CapEff"], 16) == 0
    assert [int(status[name], 16) for name in ("CapPrm", "CapBnd", "CapAmb")] == [0, 0, 0]
    assert status["NoNewPrivs"] == "1"


def test_cannot_write_but_into_its_data(container):
    with open(f"/proc/{container.pid}/mountinfo") as mounts:
        options = {line.split()[4]: line.split()[5].split(",") for line in mounts}
    assert "ro" in options["/"]
    assert "rw" in options["/var/lib/martlet"]
    refused = container.run("martlet", "import", "products", "/usr/share/utf-8.csv", "--create", "--data-dir", "/etc/x")
    assert refused.returncode != 0
    assert "data_dir" in refused.stderr


def test_keeps_its_data_and_stops_at_once(new_container):
    container = new_container(ADMINISTRATOR).start()
    before = files_of(container.root)
    assert container.call("POST", "/api/auth/register", MEI)[0] == 201
    status, seconds = container.stop()
    assert (status, seconds < 10) == (0, True), container.output
    container.start()
    assert sign_in(container, "mei", MEI["password"])
    # Nothing has been written outside the data folder.
    assert files_of(container.root) == before


def test_shows_the_first_password_in_the_log(new_container):
    container = new_container().start()
    password = re.search(r"with the password (\S+)", container.output)[1]
    assert sign_in(container, "admin@martlet.local", password)


def test_other_commands_have_its_settings(container):
    checked = container.run("martlet", "config", "check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "on http://0.0.0.0:8080." in checked.stdout
    # Flags take precedence.
    assert "on http://127.0.0.1:9000." in container.run("martlet", "config", "check", "--listen", "127.0.0.1:9000").stdout


class Collector(BaseHTTPRequestHandler):
    """An OpenTelemetry collector."""
    received = threading.Event()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        Collector.received.set()

    def log_message(self, *_):
        pass


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for collector.test."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=collector.test", "-addext", "subjectAltName=DNS:collector.test", "-keyout", tmp_path / "key.pem",
         "-out", tmp_path / "certificate.pem"], check=True, capture_output=True)
    return tmp_path / "certificate.pem", tmp_path / "key.pem"


@pytest.fixture
def collector(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = HTTPServer(("127.0.0.1", free_port()), Collector)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def name_server(namespaces):
    """A name server for collector.test."""
    address = "127.0.53.1"
    process = subprocess.Popen(
        [shutil.which("dnsmasq") or "/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=",
         f"--listen-address={address}", "--bind-interfaces", "--no-resolv", "--no-hosts", "--user=", "--group=",
         "--address=/collector.test/127.0.0.1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield address
    process.terminate()
    process.wait(10)


def test_finds_names_by_dns_and_trusts_the_authorities_it_is_given(new_container, collector, certificate, name_server):
    container = new_container(
        {"MARTLET_OTLP_ENDPOINT": f"https://collector.test:{collector}"},
        {"/etc/resolv.conf": f"nameserver {name_server}\n".encode(),
         "/etc/ssl/certs/ca-certificates.crt": certificate[0].read_bytes()}).start()
    assert Collector.received.wait(20), container.output
