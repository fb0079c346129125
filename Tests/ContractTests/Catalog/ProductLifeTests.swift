import MartletCore
import MartletTesting
import Testing

/// Creating, changing and deleting products.
@Suite(.inTurn) struct ProductLifeTests {
    @Test(arguments: Deployment.allCases)
    func createsWithLocationAndEntityTag(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let sku = uniqueName("sku")
        let answer = try await products.api.post(
            Products.path,
            [
                "name": "Chai 茶", "sku": .string(sku), "price": "18", "currency": "EUR", "description": "Hot.\nSweet.",
                "category": "Beverages", "stock": 39,
            ])
        #expect(answer.status == 201)
        #expect(answer.header("Content-Type") == "application/json")
        let product = try answer.json()
        let path = Products.path(product)
        #expect(answer.header("Location") == path)
        #expect(answer.header("ETag")?.hasPrefix("\"") == true)
        #expect(product["name"] == "Chai 茶")
        #expect(product["sku"] == .string(sku))
        #expect(product["price"] == .number("18.00"))
        #expect(product["currency"] == "EUR")
        #expect(product["description"] == "Hot.\nSweet.")
        #expect(product["category"] == "Beverages")
        #expect(product["stock"] == 39)
        #expect(product["in_stock"] == true)
        let created = try #require(product["created_at"]?.stringValue)
        #expect(created.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil)
        #expect(product["updated_at"] == product["created_at"])

        let read = try await products.api.with(nil).get(path)
        #expect(read.status == 200)
        #expect(try read.json() == product)
        #expect(read.header("ETag") == answer.header("ETag"))
    }

    @Test(arguments: Deployment.allCases)
    func appliesDefaults(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let product = try await products.add(["price": 0])
        #expect(product["sku"] == .null)
        #expect(product["price"] == .number("0.00"))
        #expect(product["currency"] == "USD")
        #expect(product["description"] == "")
        #expect(product["category"] == "")
        #expect(product["stock"] == 0)
        #expect(product["in_stock"] == false)
    }

    @Test(arguments: Deployment.allCases)
    func headMatchesGetWithoutABody(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        for path in [try await products.addedPath(), Products.path, "/api/products/in_stock"] {
            let get = try await products.api.get(path)
            let head = try await products.api.send("HEAD", path)
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.header("Content-Type") == get.header("Content-Type"))
            #expect(head.header("ETag") == get.header("ETag"))
        }
    }

    @Test(arguments: Deployment.allCases)
    func acceptsATrailingSlashEverywhere(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let created = try await products.api.post("/api/products/", ["name": "Slash", "price": 1, "stock": 5])
        #expect(created.status == 201)
        let path = Products.path(try created.json()) + "/"
        #expect(try await products.api.get(path).status == 200)
        #expect(try await products.api.put(path, ["name": "Slash", "price": 2, "stock": 5]).status == 200)
        #expect(try await products.api.patch(path, ["price": 3]).status == 200)
        #expect(try await products.api.post(path + "reduce_stock/", [:]).status == 200)
        #expect(try await products.api.get("/api/products/?limit=1").status == 200)
        #expect(try await products.api.get("/api/products/in_stock/?limit=1").status == 200)
        #expect(try await products.api.delete(path).status == 204)
    }

    @Test(arguments: Deployment.allCases)
    func putReplacesAndAppliesDefaults(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let product = try await products.add(["sku": .string(uniqueName("sku")), "category": "Old", "stock": 7])
        let answer = try await products.api.put(Products.path(product), ["name": "New", "price": .number("2.5")])
        #expect(answer.status == 200)
        let replaced = try answer.json()
        #expect(replaced["id"] == product["id"])
        #expect(replaced["name"] == "New")
        #expect(replaced["price"] == .number("2.50"))
        #expect(replaced["sku"] == .null)
        #expect(replaced["category"] == "")
        #expect(replaced["stock"] == 0)
        #expect(replaced["created_at"] == product["created_at"])
        #expect(replaced["updated_at"] != product["updated_at"])
        #expect(try await products.api.get(Products.path(product)).json() == replaced)
    }

    @Test(arguments: Deployment.allCases)
    func putRequiresWhatCreationRequires(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let answer = try await products.api.put(try await products.addedPath(), ["stock": 1])
        expectProblem(answer, 422)
        expectErrors(answer, "body.name required", "body.price required")
    }

    @Test(arguments: Deployment.allCases)
    func patchChangesOnlyWhatItNames(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let sku = uniqueName("sku")
        let product = try await products.add(["sku": .string(sku), "category": "Kept", "stock": 7])
        let path = Products.path(product)
        let changed = try await products.api.patch(path, ["price": "9.99"])
        #expect(changed.status == 200)
        #expect(try changed.json()["price"] == .number("9.99"))
        #expect(try changed.json()["sku"] == .string(sku))
        #expect(try changed.json()["category"] == "Kept")
        #expect(try changed.json()["stock"] == 7)

        let cleared = try await products.api.patch(path, ["sku": nil])
        #expect(cleared.status == 200)
        #expect(try cleared.json()["sku"] == .null)
        #expect(try cleared.json()["category"] == "Kept")
    }

    @Test(arguments: Deployment.allCases)
    func patchRejectsNullForRequiredFields(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let answer = try await products.api.patch(try await products.addedPath(), ["name": nil, "stock": nil])
        expectProblem(answer, 422)
        expectErrors(answer, "body.name null_not_allowed", "body.stock null_not_allowed")
    }

    @Test(arguments: Deployment.allCases)
    func derivedFieldsAreReadOnly(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let product = try await products.add(["stock": 0])
        let answer = try await products.api.patch(
            Products.path(product), ["id": 1, "in_stock": true, "created_at": "2000-01-01T00:00:00Z"])
        #expect(answer.status < 500)
        let read = try await products.api.get(Products.path(product)).json()
        #expect(read["id"] == product["id"])
        #expect(read["in_stock"] == false)
        #expect(read["created_at"] == product["created_at"])
    }

    @Test(arguments: Deployment.allCases)
    func deletesPermanently(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let path = try await products.addedPath()
        let answer = try await products.api.delete(path)
        #expect(answer.status == 204)
        #expect(answer.body.isEmpty)
        for again in [
            try await products.api.get(path), try await products.api.delete(path),
            try await products.api.patch(path, ["price": 1]),
            try await products.api.put(path, ["name": "a", "price": 1]),
        ] {
            expectProblem(again, 404, code: "not_found", instance: path)
        }
        expectProblem(try await products.api.post(path + "/reduce_stock", [:]), 404, code: "not_found")
    }

    @Test(arguments: Deployment.allCases)
    func refusesASecondProductWithTheSameSKU(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let sku = JSONValue.string(uniqueName("sku"))
        try await products.add(["sku": sku])
        let other = try await products.addedPath()
        for answer in [
            try await products.api.post(Products.path, ["name": "Twin", "price": 1, "sku": sku]),
            try await products.api.patch(other, ["sku": sku]),
            try await products.api.put(other, ["name": "Twin", "price": 1, "sku": sku]),
        ] {
            expectProblem(answer, 409, code: "already_exists")
            expectErrors(answer, "body.sku already_exists")
        }
    }

    @Test(arguments: Deployment.allCases)
    func reportsEveryInvalidFieldAtOnce(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let answer = try await products.api.post(
            Products.path,
            [
                "name": "", "sku": .string(String(repeating: "x", count: 65)), "price": -1, "currency": "usd",
                "description": 5, "category": .string(String(repeating: "x", count: 101)), "stock": -1,
            ])
        expectProblem(answer, 422, instance: Products.path)
        expectErrors(
            answer, "body.name too_short", "body.sku too_long", "body.price too_small",
            "body.currency invalid_currency",
            "body.description not_a_string", "body.category too_long", "body.stock too_small")
    }

    @Test(arguments: Deployment.allCases)
    func countsCharactersNotBytes(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        try await products.add(["name": .string(String(repeating: "茶", count: 200))])
        let answer = try await products.api.post(
            Products.path, ["name": .string(String(repeating: "a", count: 201)), "price": 1])
        expectProblem(answer, 422)
        expectErrors(answer, "body.name too_long")
    }
}
