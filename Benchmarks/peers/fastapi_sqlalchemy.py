"""FastAPI on SQLAlchemy's asyncio ORM over asyncpg, as its documentation shows."""

import os
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from product import Limit, Page, Product, Skip
from sqlalchemy import BigInteger, Computed, DateTime, Numeric, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql+asyncpg://", 1)
engine = create_async_engine(url, pool_size=8, max_overflow=0)
Session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class ProductRow(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str]
    sku: Mapped[str | None] = mapped_column(unique=True)
    price: Mapped[Decimal] = mapped_column(Numeric(14, 2))
    currency: Mapped[str]
    description: Mapped[str]
    category: Mapped[str] = mapped_column(index=True)
    stock: Mapped[int] = mapped_column(BigInteger)
    in_stock: Mapped[bool] = mapped_column(Computed("stock > 0", persisted=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


async def session() -> AsyncIterator[AsyncSession]:
    async with Session() as session:
        yield session


Database = Annotated[AsyncSession, Depends(session)]
app = FastAPI()


@app.get("/api/products/{product_id}", response_model=Product)
async def find(product_id: int, session: Database) -> Any:
    found = await session.get(ProductRow, product_id)
    if found is None:
        raise HTTPException(404)
    return found


@app.get("/api/products", response_model=Page)
async def list_products(session: Database, skip: Skip = 0, limit: Limit = 20) -> Any:
    total = await session.scalar(select(func.count()).select_from(ProductRow))
    items = (await session.scalars(select(ProductRow).order_by(ProductRow.id).limit(limit).offset(skip))).all()
    return {"items": items, "total": total, "skip": skip, "limit": limit}
