"""A client generated from the API document works as expected."""

import importlib
import uuid


def module(client, name: str):
    return importlib.import_module(f"{client.__name__}.{name}")


def added_user(platform) -> dict:
    name = f"user{uuid.uuid4().hex[:10]}"
    status, user = platform.call(
        "POST", "/api/users",
        {"email": f"{name}@example.com", "username": name, "password": "Marble-lantern-58-brisk",
         "first_name": "Ada", "last_name": "Byron", "department": "Engines", "is_active": False, "is_staff": True,
         "permissions": ["catalog.add_product"], "profile": {"bio": "Notes.", "location": "London"}})
    assert status == 201, user
    return user


def authenticated(client, platform):
    return module(client, "client").AuthenticatedClient(base_url=platform.url, token=platform.token)


def without_versions(resource: dict) -> dict:
    return {name: value for name, value in resource.items() if name != "updated_at"}


def test_patch_changes_only_named_fields(platform, client):
    user = added_user(platform)
    models = module(client, "models")
    patch = module(client, "api.users.patch_api_users_id")
    body = models.UserChangePatch(last_name="King")
    assert body.to_dict() == {"last_name": "King"}
    answer = patch.sync_detailed(user["id"], client=authenticated(client, platform), body=body)
    assert answer.status_code == 200, answer.content
    status, changed = platform.call("GET", f"/api/users/{user['id']}")
    assert status == 200
    assert without_versions(changed) == without_versions(user) | {"last_name": "King"}


def test_nested_patch_keeps_other_fields(platform, client):
    user = added_user(platform)
    models = module(client, "models")
    patch = module(client, "api.users.patch_api_users_id")
    body = models.UserChangePatch(profile=models.ProfilePatch(bio="More notes."))
    assert body.to_dict() == {"profile": {"bio": "More notes."}}
    assert patch.sync_detailed(user["id"], client=authenticated(client, platform), body=body).status_code == 200
    changed = platform.call("GET", f"/api/users/{user['id']}")[1]
    assert without_versions(changed) == without_versions(user) | {"profile": user["profile"] | {"bio": "More notes."}}


def test_a_product_keeps_its_stock_and_currency(platform, client):
    status, product = platform.call(
        "POST", "/api/products", {"name": "Tea", "price": "4.50", "stock": 12, "currency": "EUR"})
    assert status == 201, product
    models = module(client, "models")
    patch = module(client, "api.products.patch_api_products_id")
    answer = patch.sync_detailed(
        product["id"], client=authenticated(client, platform), body=models.ProductInputPatch(price=5.25))
    assert answer.status_code == 200, answer.content
    changed = platform.call("GET", f"/api/products/{product['id']}")[1]
    assert without_versions(changed) == without_versions(product) | {"price": 5.25}


def test_no_merge_patch_has_a_default(document):
    """The same check for every patch in the document, independent of a generator."""
    def defaults(schema: object, place: str, seen: frozenset = frozenset()) -> list[str]:
        if isinstance(schema, list):
            return [found for part in schema for found in defaults(part, place, seen)]
        if not isinstance(schema, dict):
            return []
        if reference := schema.get("$ref"):
            if reference in seen:
                return []
            target = document
            for part in reference.removeprefix("#/").split("/"):
                target = target[part]
            return defaults(target, f"{place} {reference}", seen | {reference})
        # The elements of a list are complete, so their defaults apply.
        found = [place] if "default" in schema else []
        for name, part in schema.items():
            if name != "items":
                found += defaults(part, f"{place}.{name}", seen)
        return found

    patches = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method != "patch":
                continue
            patches += 1
            for content in operation["requestBody"]["content"].values():
                assert not defaults(content["schema"], f"PATCH {path}")
    assert patches >= 3
