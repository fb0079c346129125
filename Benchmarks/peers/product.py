"""What both peers answer with: the fields of Martlet's product."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict


class Product(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    sku: str | None
    price: Decimal
    currency: str
    description: str
    category: str
    stock: int
    in_stock: bool
    created_at: datetime
    updated_at: datetime


class Page(BaseModel):
    items: list[Product]
    total: int
    skip: int
    limit: int


Skip = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=100)]
