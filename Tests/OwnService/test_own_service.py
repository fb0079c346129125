"""Examples/Shop, and a package created by script/new-service."""

import shutil

import pytest
from packages import ROOT, build, run, running


@pytest.fixture(scope="module")
def shop():
    return build(ROOT / "Examples" / "Shop", "shop")


def test_the_shop_adds_reviews_to_the_standard_services(shop, tmp_path):
    with running(shop, tmp_path) as platform:
        assert platform.call("POST", "/api/products", {"name": "Jasmine tea", "price": "12.50"})[0] == 201
        status, review = platform.call("POST", "/api/reviews", {"product_id": 1, "rating": 5, "title": "Fragrant"})
        assert (status, review["author"]) == (201, "admin")
        status, problem = platform.call("POST", "/api/reviews", {"product_id": 7, "rating": 5, "title": "Fragrant"})
        assert (status, problem["errors"][0]["code"]) == (422, "not_found")
        assert platform.call("GET", "/api/reviews?product_id=1")[1]["total"] == 1
        assert "/api/reviews/{id}" in platform.call("GET", "/openapi.json")[1]["paths"]
        assert platform.call("GET", "/health/ready")[1]["services"]["reviews"] == "ok"


def test_the_shop_publishes_its_page_of_the_console(shop, tmp_path):
    with running(shop, tmp_path) as platform:
        (page,) = platform.call("GET", "/console.json")[1]["pages"]
        assert page["path"] == "/reviews" and page["title"] == {"en": "Reviews", "zh-CN": "评论"}
        row = {"product_id", "rating", "title", "author", "created_at"}
        assert {column["name"] for column in page["columns"]} == row


def test_a_setting_of_the_service_is_a_setting_of_the_program(shop, tmp_path):
    assert "--review-length <count>" in run(shop, "serve", "--help")
    assert "MARTLET_REVIEW_LENGTH" in run(shop, "config", "keys")
    with running(shop, tmp_path, MARTLET_REVIEW_LENGTH="3") as platform:
        platform.call("POST", "/api/products", {"name": "Jasmine tea", "price": "12.50"})
        review = {"product_id": 1, "rating": 5, "title": "Fragrant", "text": "Four"}
        assert platform.call("POST", "/api/reviews", review)[1]["errors"][0]["code"] == "too_long"


def test_a_new_service_builds_and_answers_at_once(tmp_path):
    package = tmp_path / "tea-house"
    run(ROOT / "script" / "new-service", "TeaSuppliers", "--package", package)
    program = build(package, "tea-house")
    with running(program, tmp_path) as platform:
        # A user who is not a superuser, with the permission of the service.
        mei = {"email": "mei@example.org", "username": "mei", "password": "nine-copper-lanterns",
               "permissions": ["tea_suppliers.add_tea_supplier"]}
        status, user = platform.call("POST", "/api/users", mei)
        assert status == 201, user
        administrator = platform.token
        platform.sign_in("mei", mei["password"])
        status, supplier = platform.call("POST", "/api/tea_suppliers", {"name": "Green Leaf Ltd"})
        assert status == 201, supplier
        assert platform.call("GET", "/api/tea_suppliers?search=leaf")[1]["total"] == 1
        assert platform.call("PATCH", "/api/tea_suppliers/1", {"notes": "Organic"})[0] == 403
        platform.token = administrator
        assert platform.call("PATCH", "/api/tea_suppliers/1", {"notes": "Organic"})[1]["notes"] == "Organic"


def test_a_new_service_of_the_repository_is_named_in_two_lists(tmp_path):
    for name in ("Package.swift", "script", "Sources/MartletServices", ".swift-format"):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    # Enough of them that a list on one line would be too long.
    names = ["Suppliers", "Shipments", "PriceLists"]
    for name in names:
        run(tmp_path / "script" / "new-service", name)
    run(tmp_path / "script" / "new-service", "Staff", "--model", "Person", "--plural", "People")
    package = (tmp_path / "Package.swift").read_text()
    services = (tmp_path / "Sources" / "MartletServices" / "MartletServices.swift").read_text()
    for name in [*names, "Staff"]:
        assert f'    ServiceTarget("{name}"),' in package
        assert f"import {name}\n" in services and f"        {name}Service.self,\n" in services
    written = "".join(path.read_text() for path in (tmp_path / "Sources" / "Services" / "Staff").iterdir())
    assert "@" not in written.replace("@Sendable", "").replace("@escaping", "")
    assert 'requires("staff.add_person")' in written and '"/api/people"' in written


@pytest.mark.parametrize("arguments", [["suppliers"], ["Catalog"], ["Tea Shop"], ["A", "B"], ["Staff", "--model"], ["Pages"], ["Posts"],
                                       ["Users"], ["Values"], ["Groups"]])
def test_bad_names_are_refused(arguments, tmp_path):
    with pytest.raises(AssertionError, match="new-service: "):
        run(ROOT / "script" / "new-service", *arguments, "--package", tmp_path / "package")
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("folder", ["martlet", "9lives", "suppliers"])
def test_bad_folders_are_refused(folder, tmp_path):
    with pytest.raises(AssertionError, match="new-service: the folder"):
        run(ROOT / "script" / "new-service", "Suppliers", "--package", tmp_path / folder)
    assert not (tmp_path / folder).exists()
