"""An existing FastAPI service. It verifies Martlet's access tokens with PyJWT."""

import os

import jwt
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

app = FastAPI()
bearer = HTTPBearer()
keys = jwt.PyJWKClient(os.environ["JWKS_URL"])


def claims(credentials: HTTPAuthorizationCredentials = Depends(bearer)) -> dict:
    token = credentials.credentials
    try:
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["ES256"], audience="martlet", issuer="martlet", leeway=10)
    except jwt.PyJWTError as error:
        raise HTTPException(401, "The access token is not valid.") from error


@app.get("/reports/me")
def me(request: Request, claims: dict = Depends(claims)) -> dict:
    may_add = claims["is_superuser"] or "catalog.add_product" in claims["permissions"]
    return {
        "user": claims["sub"], "username": claims["username"], "may_add": may_add, "headers": dict(request.headers)}


@app.get("/reports/health")
def health() -> dict:
    return {"status": "ok"}
