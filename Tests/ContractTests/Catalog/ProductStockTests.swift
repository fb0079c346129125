import MartletCore
import Testing

/// Reducing the stock.
@Suite(.inTurn) struct ProductStockTests {
    @Test(arguments: Deployment.allCases)
    func takesOneByDefault(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let path = try await products.addedPath(["stock": 5]) + "/reduce_stock"
        let one = try await products.api.post(path, [:])
        #expect(one.status == 200)
        #expect(try one.json()["stock"] == 4)
        let without = try await products.api.send("POST", path)
        #expect(try without.json()["stock"] == 3)
        let three = try await products.api.post(path, ["quantity": 3])
        #expect(try three.json()["stock"] == 0)
        #expect(try three.json()["in_stock"] == false)
    }

    @Test(arguments: Deployment.allCases)
    func takesNothingWhenStockIsShort(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let path = try await products.addedPath(["stock": 2])
        let answer = try await products.api.post(path + "/reduce_stock", ["quantity": 3])
        expectProblem(answer, 409, code: "out_of_stock", instance: path + "/reduce_stock")
        #expect(try await products.api.get(path).json()["stock"] == 2)
    }

    @Test(arguments: Deployment.allCases)
    func rejectsInvalidQuantities(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let path = try await products.addedPath(["stock": 5])
        let quantities: [JSONValue] = [
            0, -1, "two", true, [], nil, .number("1.5"), .number("9223372036854775807"), .number("9223372036854775808"),
            .number("-9223372036854775808"), .number("1e999"),
        ]
        for quantity in quantities {
            let answer = try await products.api.post(path + "/reduce_stock", ["quantity": quantity])
            expectProblem(answer, 422, sent: "quantity \(quantity)")
            #expect(answer.errors.map(\.loc) == [["body", "quantity"]], "\(quantity)")
        }
        #expect(try await products.api.get(path).json()["stock"] == 5)
    }

    @Test(arguments: Deployment.allCases)
    func twoHundredBuyersBuyTenItems(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let path = try await products.addedPath(["stock": 10])
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<200 {
                group.addTask { try await products.api.post(path + "/reduce_stock", [:]).status }
            }
            return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(statuses == [200: 10, 409: 190])
        #expect(try await products.api.get(path).json()["stock"] == 0)
    }
}
