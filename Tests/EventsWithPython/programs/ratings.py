"""Ratings of products by the users of Martlet, whom it knows by their events."""

import json
import os
import sqlite3
import threading
import uuid
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timezone

import martlet_events
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

REDIS = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
DATABASE = os.environ.get("RATINGS_DATABASE", "ratings.sqlite")
TABLES = """
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, username TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ratings (user_id INTEGER NOT NULL, product_id INTEGER NOT NULL, rating INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL, time TEXT NOT NULL,
    data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen_events (id TEXT PRIMARY KEY, seen_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE IF NOT EXISTS subjects (subject TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
"""


@contextmanager
def transaction():
    database = sqlite3.connect(DATABASE, timeout=10, isolation_level="IMMEDIATE")
    try:
        with database:
            yield database
    finally:
        database.close()


def handle(event: dict) -> None:
    """The mark of the event and its effect are one commit, so the effect happens once."""
    with transaction() as database:
        if not is_new(event, database):
            return
        user = event["data"]
        if event["type"] == "accounts.user_registered":
            database.execute("INSERT INTO users VALUES (?, ?)", (user["user_id"], user["username"]))
        elif event["type"] == "accounts.user_changed":
            database.execute("UPDATE users SET username = ? WHERE id = ?", (user["username"], user["user_id"]))
        elif event["type"] == "accounts.user_deleted":
            database.execute("DELETE FROM users WHERE id = ?", (user["user_id"],))


def is_new(event: dict, database: sqlite3.Connection) -> bool:
    marked = database.execute("INSERT INTO seen_events (id) VALUES (?) ON CONFLICT DO NOTHING", (event["id"],))
    if marked.rowcount == 0:
        return False
    subject, sequence = event["subject"], event["sequence"]
    last = database.execute("SELECT sequence FROM subjects WHERE subject = ?", (subject,)).fetchone()
    if last and sequence > last[0] + 1:
        raise martlet_events.Missing(last[0] + 1)
    database.execute("REPLACE INTO subjects VALUES (?, ?)", (subject, sequence))
    return True


def unpublished() -> list[dict]:
    with transaction() as database:
        database.row_factory = sqlite3.Row
        rows = database.execute("SELECT id, type, subject, time, data FROM outbox ORDER BY number LIMIT 100")
        return [dict(row) | {"data": json.loads(row["data"])} for row in rows]


def published(ids: list[str]) -> None:
    with transaction() as database:
        database.executemany("DELETE FROM outbox WHERE id = ?", [(id,) for id in ids])


@asynccontextmanager
async def lifespan(app: FastAPI):
    with transaction() as database:
        database.executescript(TABLES)
    for work, *arguments in [
        (martlet_events.read, "ratings", "accounts", handle),
        (martlet_events.publish, "ratings", unpublished, published),
    ]:
        threading.Thread(target=work, args=[martlet_events.connect(REDIS), *arguments], daemon=True).start()
    yield


app = FastAPI(lifespan=lifespan)


class Rating(BaseModel):
    user_id: int
    product_id: int
    rating: int = Field(ge=1, le=5)
    title: str = Field(min_length=1, max_length=120)


@app.post("/ratings", status_code=201)
def rate(rating: Rating) -> dict:
    with transaction() as database:
        user = database.execute("SELECT username FROM users WHERE id = ?", (rating.user_id,)).fetchone()
        if not user:
            raise HTTPException(404, "No such user.")
        database.execute("INSERT INTO ratings VALUES (?, ?, ?)", (rating.user_id, rating.product_id, rating.rating))
        # The event is committed with the rating, and published afterwards.
        database.execute(
            "INSERT INTO outbox (id, type, subject, time, data) VALUES (?, ?, ?, ?, ?)",
            (str(uuid.uuid4()), "ratings.product_rated", f"products/{rating.product_id}",
             datetime.now(timezone.utc).isoformat(), json.dumps(rating.model_dump() | {"username": user[0]})))
    return rating.model_dump()


@app.get("/ratings/users")
def users() -> list[str]:
    with transaction() as database:
        return [name for (name,) in database.execute("SELECT username FROM users ORDER BY id")]
