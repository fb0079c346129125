"""Shared by the tests and the screenshots: the platform's URL, starting Chromium, and calls to the API."""
import json
import os
import urllib.error
import urllib.request
from uuid import uuid4

URL = os.environ.get("MARTLET_URL", "http://127.0.0.1:8080").rstrip("/")
ADMIN_EMAIL = os.environ.get("MARTLET_ADMIN_EMAIL", "admin@example.com")
ADMIN_PASSWORD = os.environ.get("MARTLET_ADMIN_PASSWORD", "")
PASSWORD = "correct-Horse-7-battery"

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def launch(playwright):
    """Debian's Chromium. Its sandbox does not work as root."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    return playwright.chromium.launch(executable_path=path, headless=True, args=arguments)


class API:
    """The platform's API as one user, to set up a test."""

    def __init__(self, email, password):
        self.credentials = {"email": email, "password": password}
        self.sign_in()

    def sign_in(self):
        self.token = None
        self.token = self.send("POST", "/api/auth/login", self.credentials)["access_token"]

    def call(self, method, path, body=None):
        try:
            return self.send(method, path, body)
        except urllib.error.HTTPError as error:
            # The tests run longer than the lifetime of a token.
            if error.code != 401:
                raise
            self.sign_in()
            return self.send(method, path, body)

    def send(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def create_product(self, **fields):
        return self.call("POST", "/api/products", {"name": unique("Product"), "price": "10.00", **fields})

    def create_user(self, **fields):
        """A user who can sign in with PASSWORD."""
        name = unique("user")
        body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD, "is_active": True, **fields}
        return self.call("POST", "/api/users", body)


def unique(prefix):
    """A name not used by any other test or earlier run."""
    return f"{prefix}-{uuid4().hex[:10]}"


def sign_in(page, name, password, path="/products"):
    page.goto(f"{URL}{path}")
    page.get_by_label("E-mail or username").fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Account menu").wait_for()


def refuse(page, url, status, code, method=None, detail=None, headers=None, errors=None):
    """Responds to calls of `url` with a problem instead of the server."""
    body = {"title": "Refused", "status": status, "code": code, "detail": detail, "errors": errors or []}

    def answer(route):
        if method and route.request.method != method:
            return route.fallback()
        return route.fulfill(
            status=status, content_type="application/problem+json", headers=headers, body=json.dumps(body)
        )

    page.route(url, answer)
