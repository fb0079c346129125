"""Before anything is measured: every server must give the same answers."""

import json
from decimal import Decimal

from .server import BenchError, Server

PRODUCTS = 1000
ITEMS = 20


def comparable(product: dict) -> dict:
    """The same for a price that is written as a number and one that is a string; without the times of loading."""
    times = {"created_at", "updated_at"}
    return {
        key: None if key in times else Decimal(str(value)) if key == "price" else value
        for key, value in product.items()
    }


def read(server: Server, path: str) -> dict:
    status, body = server.get(path)
    if status != 200:
        raise BenchError(f"{server.name} answers {path} with {status}")
    return json.loads(body, parse_float=Decimal)


def answers(server: Server) -> list[dict]:
    """The list and some single products."""
    page = read(server, f"/api/products?limit={ITEMS}")
    if len(page["items"]) != ITEMS or page["total"] != PRODUCTS:
        raise BenchError(f"{server.name} lists {len(page['items'])} of {page['total']}, not {ITEMS} of {PRODUCTS}")
    single = [read(server, f"/api/products/{id}") for id in (1, PRODUCTS // 2, PRODUCTS)]
    return [comparable(product) for product in page["items"] + single]


def same_answers(servers: list[Server]) -> None:
    expected = answers(servers[0])
    for server in servers[1:]:
        for mine, theirs in zip(answers(server), expected, strict=True):
            if mine != theirs:
                raise BenchError(f"{server.name} answers {mine}, {servers[0].name} {theirs}")
