import MartletCore
import MartletTesting
import Testing

/// Paging, searching, sorting and filtering. Each test uses its own category.
@Suite(.inTurn) struct ProductListTests {
    /// Six products in a new category.
    private func shelf(_ products: Products) async throws -> String {
        let category = uniqueName("shelf")
        let rows: [(String, Int, Int)] = [
            ("Äpfel", 3, 0), ("Birnen", 2, 5), ("100% Saft", 2, 1), ("a_b", 1, 9), ("aXb", 1, 2), ("ÖL kalt", 4, 0),
        ]
        for (name, price, stock) in rows {
            try await products.add([
                "name": .string(name), "price": .number("\(price)"), "stock": .number("\(stock)"),
                "category": .string(category),
            ])
        }
        return category
    }

    @Test(arguments: Deployment.allCases)
    func pagesBySkipAndLimitAndByPage(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let category = try await shelf(products)
        func page(_ more: KeyValuePairs<String, String>) async throws -> JSONValue {
            let path =
                Products.path + query(["category": category, "ordering": "name"])
                + query(more).replacing("?", with: "&")
            return try await products.api.get(path).json()
        }
        let whole = try await page([:])
        #expect(whole["total"] == 6)
        #expect(whole["skip"] == 0)
        #expect(whole["limit"] == 20)
        let names = whole["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
        #expect(names.count == 6)
        let bySkip = try await page(["skip": "2", "limit": "2"])
        let byPage = try await page(["page": "2", "page_size": "2"])
        #expect(bySkip == byPage)
        #expect(bySkip["total"] == 6)
        #expect(bySkip["skip"] == 2)
        #expect(bySkip["limit"] == 2)
        #expect(bySkip["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == Array(names[2..<4]))
        let beyond = try await page(["skip": "9223372036854775807"])
        #expect(beyond["items"] == [])
        #expect(beyond["total"] == 6)
    }

    @Test(arguments: Deployment.allCases)
    func keepsPagesWithinBounds(_ deployment: Deployment) async throws {
        let api = try await deployment.platform().api
        let refused: [(String, [String])] = [
            ("?limit=101", ["query.limit too_large"]), ("?limit=0", ["query.limit too_small"]),
            ("?page_size=101", ["query.page_size too_large"]), ("?page=0", ["query.page too_small"]),
            ("?skip=-1", ["query.skip too_small"]), ("?limit=-1", ["query.limit too_small"]),
            ("?page=9223372036854775807", ["query.page too_large"]),
            ("?limit=9223372036854775808", ["query.limit out_of_range"]),
            ("?limit=abc", ["query.limit not_an_integer"]),
            ("?limit=1.5", ["query.limit not_an_integer"]), ("?limit=", ["query.limit not_an_integer"]),
            ("?limit=1&limit=2", ["query.limit duplicate_parameter"]),
            ("?skip=x&page_size=y", ["query.page_size not_an_integer", "query.skip not_an_integer"]),
        ]
        for (query, errors) in refused {
            let answer = try await api.get(Products.path + query)
            expectProblem(answer, 422, sent: query)
            #expect(answer.errors.map(\.summary).sorted() == errors, "\(query)")
        }
        let most = try await api.get(Products.path + "?limit=100")
        #expect(most.status == 200)
    }

    @Test(arguments: Deployment.allCases)
    func returnsTwentyByDefault(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let category = uniqueName("many")
        for _ in 0..<25 { try await products.add(["category": .string(category)]) }
        #expect(try await products.names(query(["category": category])).count == 20)
        #expect(try await products.names(query(["category": category, "limit": "100"])).count == 25)
    }

    @Test(arguments: Deployment.allCases)
    func pagesNeverOverlap(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let category = uniqueName("same")
        for index in 0..<10 { try await products.add(["name": .string("n\(index)"), "category": .string(category)]) }
        var seen: [String] = []
        for page in 1...4 {
            seen += try await products.names(
                query(["category": category, "ordering": "-price", "page": "\(page)", "page_size": "3"]))
        }
        #expect(seen.count == 10)
        #expect(Set(seen).count == 10)
    }

    @Test(arguments: Deployment.allCases)
    func searchesCaseInsensitivelyAndLiterally(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let category = try await shelf(products)
        let found: [(String, [String])] = [
            ("äPFEL", ["Äpfel"]), ("öl", ["ÖL kalt"]), ("BIRN", ["Birnen"]), ("%", ["100% Saft"]), ("_", ["a_b"]),
            ("a_b", ["a_b"]), ("0% s", ["100% Saft"]), ("\\", []), ("'", []), ("\"", []), ("nothing of it", []),
        ]
        for (text, names) in found {
            #expect(try await products.names(query(["category": category, "search": text])) == names, "\(text)")
        }
        #expect(
            try await products.names(query(["search": category.uppercased()])).count == 6, "the category is searched")
        #expect(try await products.names(query(["category": category, "search": ""])).count == 6)
    }

    @Test(arguments: Deployment.allCases)
    func searchesNameSKUDescriptionAndCategory(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        for field in ["name", "sku", "description", "category"] {
            let text = uniqueName("needle")
            let product = try await products.add([(field): .string("x \(text) y")])
            let found = try await products.api.get(Products.path + query(["search": text])).json()
            #expect(found["items"]?.arrayValue?.map { $0["id"] } == [product["id"]], "\(field)")
            #expect(found["total"] == 1)
        }
    }

    @Test(arguments: Deployment.allCases)
    func ordersBySeveralFields(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let category = try await shelf(products)
        let names = try await products.names(query(["category": category, "ordering": "price,-stock"]))
        #expect(names == ["a_b", "aXb", "Birnen", "100% Saft", "Äpfel", "ÖL kalt"])
        let reversed = try await products.names(query(["category": category, "ordering": "-price,stock,name"]))
        #expect(reversed == ["ÖL kalt", "Äpfel", "100% Saft", "Birnen", "aXb", "a_b"])
        for bad in ["colour", "description", "-", "--price", "price,nope", "price desc", "id;--"] {
            let answer = try await products.api.get(Products.path + query(["ordering": bad]))
            expectProblem(answer, 422, sent: bad)
            #expect(answer.errors.map(\.summary) == ["query.ordering unknown_field"], "\(bad)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func filtersByValueAndRange(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let category = try await shelf(products)
        let found: [(KeyValuePairs<String, String>, Set<String>)] = [
            (["name": "Birnen"], ["Birnen"]), (["name": "birnen"], []),
            (["name__in": "Birnen,a_b,nothing"], ["Birnen", "a_b"]), (["stock": "9"], ["a_b"]),
            (["stock__in": "0,9"], ["Äpfel", "ÖL kalt", "a_b"]), (["stock__gte": "5"], ["Birnen", "a_b"]),
            (["stock__gt": "5"], ["a_b"]), (["stock__lte": "0"], ["Äpfel", "ÖL kalt"]),
            (["stock__lt": "1"], ["Äpfel", "ÖL kalt"]), (["in_stock": "false"], ["Äpfel", "ÖL kalt"]),
            (["stock__gt": "0", "price__lte": "1"], ["a_b", "aXb"]), (["created_at__gt": "2999-01-01T00:00:00Z"], []),
            (["currency__in": "EUR,GBP"], []),
        ]
        for (filters, names) in found {
            let path = query(["category": category]) + query(filters).replacing("?", with: "&")
            #expect(Set(try await products.names(path)) == names, "\(filters)")
        }
        let recent = try await products.names(query(["category": category, "created_at__gte": "2020-01-01T00:00:00Z"]))
        #expect(recent.count == 6)
    }

    @Test(arguments: Deployment.allCases)
    func reportsEveryUnknownOrInvalidParameter(_ deployment: Deployment) async throws {
        let api = try await deployment.platform().api
        let answer = try await api.get(
            Products.path + "?prise=1&price__like=2&stock=many&in_stock=perhaps&created_at__gt=yesterday&description=x")
        expectProblem(answer, 422, instance: Products.path)
        #expect(
            answer.errors.map(\.summary).sorted() == [
                "query.created_at__gt invalid_timestamp", "query.description unknown_parameter",
                "query.in_stock not_a_boolean", "query.price__like unknown_parameter", "query.prise unknown_parameter",
                "query.stock not_an_integer",
            ])
        let single = try await api.get(Products.path + "/in_stock?colour=red")
        #expect(single.errors.map(\.summary) == ["query.colour unknown_parameter"])
    }

    @Test(arguments: Deployment.allCases)
    func listsStockWithTheSameParameters(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let category = try await shelf(products)
        let list = "/api/products/in_stock"
        let all = try await products.names(query(["category": category, "ordering": "-stock"]), in: list)
        #expect(all == ["a_b", "Birnen", "aXb", "100% Saft"])
        let some = try await products.names(query(["category": category, "search": "BIRN", "limit": "1"]), in: list)
        #expect(some == ["Birnen"])
        let none = try await products.names(query(["category": category, "in_stock": "false"]), in: list)
        #expect(none == [])
    }
}
