"""FastAPI on asyncpg: a pool, prepared statements, rows handed to Pydantic as they come."""

import os
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, FastAPI, HTTPException, Request
from product import Limit, Page, Product, Skip

COLUMNS = "id, name, sku, price, currency, description, category, stock, in_stock, created_at, updated_at"
FIND = f"SELECT {COLUMNS} FROM products WHERE id = $1"
COUNT = "SELECT count(*) FROM products"
LIST = f"SELECT {COLUMNS} FROM products ORDER BY id LIMIT $1 OFFSET $2"


async def keep(connection: asyncpg.Connection) -> None:
    """Nothing here changes a session, so the pool's RESET ALL after every use would be a wasted round trip."""


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8, reset=keep) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


async def pool(request: Request) -> asyncpg.Pool:
    return request.app.state.pool


Pool = Annotated[asyncpg.Pool, Depends(pool)]


@app.get("/api/products/{product_id}", response_model=Product)
async def find(product_id: int, pool: Pool) -> Any:
    row = await pool.fetchrow(FIND, product_id)
    if row is None:
        raise HTTPException(404)
    return dict(row)


@app.get("/api/products", response_model=Page)
async def list_products(pool: Pool, skip: Skip = 0, limit: Limit = 20) -> Any:
    async with pool.acquire() as connection:
        total = await connection.fetchval(COUNT)
        rows = await connection.fetch(LIST, limit, skip)
    return {"items": [dict(row) for row in rows], "total": total, "skip": skip, "limit": limit}
