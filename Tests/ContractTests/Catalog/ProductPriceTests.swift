import MartletCore
import MartletTesting
import Testing

/// Prices are exact decimals in every notation.
@Suite(.inTurn) struct ProductPriceTests {
    /// The price sent and the price expected.
    static let prices: [(JSONValue, String)] = [
        (.number("0.1"), "0.10"), (.number("0.30000000000000000"), "0.30"), (.number("1.005e3"), "1005.00"),
        (.number("4.35"), "4.35"), (.number("1.10"), "1.10"), (.number("19.99"), "19.99"), (.number("1E2"), "100.00"),
        (.number("999999999999.99"), "999999999999.99"), (.number("-0"), "0.00"), ("18", "18.00"), ("0.29", "0.29"),
        ("999999999999.99", "999999999999.99"), ("1.8e1", "18.00"),
    ]

    @Test(arguments: Deployment.allCases)
    func keepsEveryCent(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        for (sent, expected) in Self.prices {
            let product = try await products.add(["price": sent])
            #expect(product["price"] == .number(expected), "\(sent)")
            let read = try await products.api.get(Products.path(product))
            #expect(read.text.contains("\"price\":\(expected)"), "\(read.text)")
        }
    }

    static let refused: [(JSONValue, String)] = [
        (.number("0.001"), "too_many_decimals"), (.number("0.30000000000000004"), "too_many_decimals"),
        ("1.999", "too_many_decimals"), (.number("1e-3"), "too_many_decimals"), (.number("-0.01"), "too_small"),
        ("-5", "too_small"), (.number("1000000000000"), "too_large"), (.number("1e15"), "too_large"),
        ("999999999999.999", "too_many_decimals"), ("abc", "not_a_number"), ("", "not_a_number"),
        ("1,5", "not_a_number"),
        (" 1", "not_a_number"), ("0x10", "not_a_number"), ("NaN", "not_a_number"), ("Infinity", "not_a_number"),
        ("١", "not_a_number"), (true, "not_a_number"), ([], "not_a_number"), ([:], "not_a_number"),
        (nil, "null_not_allowed"),
    ]

    @Test(arguments: Deployment.allCases)
    func rejectsInvalidPrices(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        for (sent, code) in Self.refused {
            let answer = try await products.api.post(Products.path, ["name": "Priced", "price": sent])
            expectProblem(answer, 422, sent: "price \(sent)")
            #expect(answer.errors.map(\.summary) == ["body.price \(code)"], "price \(sent)")
        }
    }

    /// A large exponent is rejected at no cost.
    @Test(arguments: Deployment.allCases)
    func refusesAbsurdExponents(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        for sent in ["1e999", "1e99999999999999999999", "1e-999", "1E+400", "123456789012345678901234567890"] {
            let answer = try await products.api.post(Products.path, ["name": "Priced", "price": .number(sent)])
            expectProblem(answer, 422, sent: sent)
            #expect(answer.errors.map(\.loc) == [["body", "price"]], "\(sent)")
        }
    }

    @Test(arguments: Deployment.allCases)
    func comparesPricesAsNumbers(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let category = uniqueName("prices")
        for price in ["9.99", "10.00", "100.00", "0.30"] {
            try await products.add(["name": .string(price), "price": .string(price), "category": .string(category)])
        }
        let all = try await products.names(query(["category": category, "ordering": "price"]))
        #expect(all == ["0.30", "9.99", "10.00", "100.00"])
        let some = try await products.names(query(["category": category, "price__gte": "9.99", "price__lt": "100"]))
        #expect(some.sorted() == ["10.00", "9.99"])
        #expect(try await products.names(query(["category": category, "price": "0.3"])) == ["0.30"])
    }
}
