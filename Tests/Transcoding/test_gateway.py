"""The gateway's policies, limits and deadlines apply to calls as they do to requests."""

import base64
import hashlib
import hmac
import json
import re
import socket
import subprocess
import sys
import threading
import time

from conftest import HERE, SECRET, Peer
from processes import MARTLET, free_port

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def token(user: str) -> str:
    def part(content: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    signed = part({"alg": "HS256", "typ": "JWT"}) + "." + part({"iss": "tests", "sub": user, "exp": time.time() + 60})
    signature = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    return signed + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def test_identity_request_id_and_trace_are_forwarded(peers):
    answer = peers.martlet.ask("GET", "/private/v1/metadata", headers={
        "Authorization": f"Bearer {token('7')}", "X-Request-ID": "my-request", "traceparent": PARENT,
        "X-User-Id": "999", "grpc-timeout": "1H", "grpc-custom": "1"})
    assert answer.status == 200
    metadata = answer.json["metadata"]
    assert metadata["x-request-id"] == answer.headers["x-request-id"] == "my-request"
    assert re.fullmatch(r"00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01", metadata["traceparent"])
    assert metadata["x-user-id"] == "7" and metadata["authorization"].startswith("Bearer ")
    assert "grpc-custom" not in metadata


def test_policies_come_first(peers):
    answer = peers.martlet.ask("GET", "/private/v1/shelves/1")
    assert answer.status == 401 and answer.json["code"] == "not_authenticated"
    headers = {"Authorization": f"Bearer {token('8')}"}
    statuses = [peers.martlet.ask("GET", "/private/v1/shelves/1", headers=headers).status for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_deadline_is_forwarded(peers):
    left = peers.martlet.ask("GET", "/v1/metadata").json["secondsLeft"]
    assert 5 < left <= 10


def test_problems_name_the_field(peers):
    answer = peers.martlet.ask("POST", "/v1/echo", '{"inner":{"int32":"x"}}')
    assert answer.status == 400
    (error,) = answer.json["errors"]
    assert error["loc"] == ["body", "inner", "int32"]
    answer = peers.martlet.ask("GET", "/v1/shelves/1?foo=1")
    assert answer.json["errors"][0]["loc"] == ["query", "foo"]
    answer = peers.martlet.ask("GET", "/v1/shelves/nowhere")
    assert answer.json["code"] == "not_found" and answer.json["detail"] == "no such shelf: ünknown\n"


def test_allowed_methods_are_listed(peers):
    answer = peers.martlet.ask("PUT", "/v1/shelves/1/books")
    assert answer.status == 405 and answer.headers["allow"] == "GET, POST"


def test_one_field_can_be_the_response(peers):
    assert peers.martlet.ask("GET", "/titles/v1/shelves/1/books/2/title").json == "Don Quixote"
    assert [book["title"] for book in peers.martlet.ask("GET", "/titles/v1/shelves/1/titles?page_size=2").json] == [
        "Book 0", "Book 1"]
    assert peers.martlet.ask("GET", "/titles/v1/shelves/1/titles").json == []


def test_other_forms_of_json(peers):
    shelf = peers.martlet.ask("GET", "/titles/v1/shelves/1/books?page_size=1").json
    assert shelf["next_page_token"] == "next" and shelf["books"][0]["genre"] == "GENRE_UNSPECIFIED"
    assert shelf["books"][0]["authors"] == [] and "binding" not in shelf["books"][0]
    answer = peers.martlet.ask("POST", "/titles/v1/echo", '{"unknown":1}')
    assert answer.status == 400 and answer.json["errors"][0]["loc"] == ["body", "unknown"]


def test_bodies_are_limited(peers):
    large = json.dumps({"text": "x" * (1 << 20)})
    answer = peers.martlet.ask("POST", "/v1/echo", large)
    assert answer.status == 413
    # In chunks, because the length is not known in advance.
    with socket.create_connection(("127.0.0.1", peers.martlet.port), 10) as connection:
        connection.sendall(b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(20):
                connection.sendall(chunk)
        except OSError:
            pass
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_chunked_bodies_and_expectations(peers):
    with socket.create_connection(("127.0.0.1", peers.martlet.port), 10) as connection:
        connection.sendall(
            b"POST /v1/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for byte in b'{"text":"a b"}':
            connection.sendall(b"1\r\n" + bytes([byte]) + b"\r\n")
        connection.sendall(b"0\r\n\r\nGET /v1/shelves/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        content = b""
        while data := connection.recv(65536):
            content += data
    # The next request on the connection succeeds too.
    assert b'{"text":"a b"}' in content and b'{"name":"shelves/1","theme":"history"}' in content


def test_large_messages(peers):
    assert peers.martlet.ask("GET", "/small/v1/watch?count=1&size=100").json == [{"text": "x" * 100}]
    answer = peers.martlet.ask("GET", "/small/v1/watch?count=1&size=2000")
    assert not answer.is_whole or answer.status == 502
    # Longer than a frame and the window of a stream.
    text = "y" * 900_000
    assert peers.martlet.ask("POST", "/v1/echo", json.dumps({"text": text})).json == {"text": text}


def test_total_deadline(peers):
    # The call itself would succeed.
    assert peers.martlet.ask("GET", "/short/v1/wait?seconds=5").status == 504


def test_streams_are_sent_piece_by_piece(peers):
    with socket.create_connection(("127.0.0.1", peers.martlet.port), 10) as connection:
        connection.sendall(b"GET /v1/drip?count=3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        times, content = [], b""
        while data := connection.recv(65536):
            content += data
            times.append(time.monotonic())
    assert content.endswith(b"1\r\n]\r\n0\r\n\r\n")
    assert times[-1] - times[0] > 0.4


def test_slow_reader_holds_back_the_server(peers):
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        connection.connect(("127.0.0.1", peers.martlet.port))
        # It would be 400 MB if it were read.
        connection.sendall(b"GET /v1/watch?count=4000&size=100000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        counts = []
        for _ in range(40):
            counts.append(peers.martlet.ask("GET", "/v1/progress").json["number"])
            if len(counts) > 5 and counts[-1] == counts[-6]:
                break
            time.sleep(0.1)
        # The server is blocked, far from the end.
        assert counts[-1] == counts[-6] < 1000, counts
    # It stops when the client disconnects.
    deadline = time.monotonic() + 10
    while peers.martlet.ask("GET", "/v1/progress").json["text"] != "cancelled":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_concurrent_calls(peers):
    failures = []

    def ask(number: int) -> None:
        for _ in range(10):
            answer = peers.martlet.ask("GET", f"/v1/shelves/{number}")
            if answer.status != 200 or answer.json["name"] != f"shelves/{number}":
                failures.append(answer)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_short_lived_connections(peers, processes, work):
    """While the server is down the response is 502 or 503. Once it is back, it is used again."""
    server, port = free_port(), free_port()
    (work / "other.yaml").write_text(f"""
upstreams: {{library: {{endpoints: ["http://127.0.0.1:{server}"]}}}}
routes:
  - {{prefix: /v1, grpc: {{upstream: library, descriptors: {work}/library.pb, services: [library.v1.Library]}}}}
""")
    processes.start([MARTLET, "serve", "--port", port, "--data-dir", work / "other", "--gateway-file", work / "other.yaml"], port)
    gateway = Peer(port)
    assert gateway.ask("GET", "/v1/shelves/1").status == 502
    command = [sys.executable, HERE / "library_server.py", server, work]
    process = processes.start(command, server)
    assert gateway.ask("GET", "/v1/shelves/1").status == 200
    process.kill()
    process.wait()
    assert gateway.ask("GET", "/v1/shelves/1").status in (502, 503)
    processes.start(command, server)
    assert gateway.ask("GET", "/v1/shelves/1").status == 200


def test_upstream_without_grpc_is_502(peers, processes, work):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        port = free_port()
        (work / "wrong.yaml").write_text(f"""
upstreams: {{library: {{endpoints: ["http://127.0.0.1:{listener.getsockname()[1]}"]}}}}
routes:
  - {{prefix: /v1, grpc: {{upstream: library, descriptors: {work}/library.pb, services: [library.v1.Library]}}}}
""")
        processes.start(
            [MARTLET, "serve", "--port", port, "--data-dir", work / "wrong", "--gateway-file", work / "wrong.yaml"], port)
        assert Peer(port).ask("GET", "/v1/shelves/1").status == 502


def test_new_descriptors_are_picked_up(peers, processes, work):
    """The file is replaced while the gateway is running. An invalid file changes nothing."""
    port, good = free_port(), (work / "library.pb").read_bytes()
    file = work / "changing.pb"
    file.write_bytes(good)
    server = re.search(r"library: .*(http://127.0.0.1:\d+)", (work / "gateway.yaml").read_text())[1]
    (work / "changing.yaml").write_text(f"""
upstreams: {{library: {{endpoints: ["{server}"]}}}}
routes:
  - {{prefix: /v1, grpc: {{upstream: library, descriptors: {file}, services: [library.v1.Library]}}}}
""")
    processes.start(
        [MARTLET, "serve", "--port", port, "--data-dir", work / "changing", "--gateway-file", work / "changing.yaml"], port)
    gateway = Peer(port)
    assert gateway.ask("GET", "/v1/progress").status == 200
    # Written to another file and renamed, as in a deployment.
    for content, old, new in ((good[:1000], 200, 404), (good.replace(b"/v1/progress", b"/v1/advances"), 404, 200)):
        (work / "next.pb").write_bytes(content)
        (work / "next.pb").rename(file)
        deadline = time.monotonic() + (3 if new == 404 else 20)
        while gateway.ask("GET", "/v1/advances").status != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert gateway.ask("GET", "/v1/progress").status == old
        assert gateway.ask("GET", "/v1/advances").status == new


def test_unusable_file_is_reported_with_its_line(work):
    file = work / "bad.yaml"
    file.write_text(f"""upstreams: {{library: {{endpoints: ["http://127.0.0.1:1"]}}}}
routes:
  - prefix: /v1
    grpc:
      upstream: library
      descriptors: {work}/missing.pb
      services: [library.v1.Library]
  - prefix: /v2
    grpc: {{upstream: library, descriptors: {work}/library.pb, services: [library.v1.Nothing]}}
""")
    result = subprocess.run([MARTLET, "gateway", "check", file], capture_output=True, text=True)
    assert result.returncode != 0
    text = result.stdout + result.stderr
    assert f"bad.yaml:6: routes[0].grpc.descriptors: the file '{work}/missing.pb' does not exist" in text
    assert "bad.yaml:9: routes[1].grpc.descriptors: the set has no service 'library.v1.Nothing'" in text
