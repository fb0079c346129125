import MartletCore
import Testing

/// Conditional requests (RFC 9110 §13) prevent lost updates.
@Suite(.inTurn) struct ProductVersionTests {
    @Test(arguments: Deployment.allCases)
    func refusesToChangeAStaleVersion(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let path = try await products.addedPath()
        let first = try #require(try await products.api.get(path).header("ETag"))
        let changed = try await products.api.patch(path, ["price": 2], ["If-Match": first])
        #expect(changed.status == 200)
        let second = try #require(changed.header("ETag"))
        #expect(second != first)

        let body: JSONValue = ["name": "Late", "price": 3]
        for late in [
            try await products.api.patch(path, ["price": 3], ["If-Match": first]),
            try await products.api.put(path, body, ["If-Match": first]),
            try await products.api.delete(path, ["If-Match": first]),
            try await products.api.delete(path, ["If-Match": "\"nonsense\", \(first)"]),
            // If-Match compares strongly.
            try await products.api.delete(path, ["If-Match": "W/\(second)"]),
        ] {
            expectProblem(late, 412, code: "precondition_failed", instance: path)
        }
        #expect(try await products.api.get(path).json()["price"] == .number("2.00"))
        #expect(try await products.api.put(path, body, ["If-Match": "\"nonsense\", \(second)"]).status == 200)
        #expect(try await products.api.delete(path, ["If-Match": "*"]).status == 204)
    }

    @Test(arguments: Deployment.allCases)
    func answersNotModified(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let path = try await products.addedPath()
        let tag = try #require(try await products.api.get(path).header("ETag"))
        for known in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
            let answer = try await products.api.get(path, ["If-None-Match": known])
            #expect(answer.status == 304, "\(known)")
            #expect(answer.body.isEmpty)
            #expect(answer.header("ETag") == tag)
        }
        #expect(try await products.api.send("HEAD", path, headers: ["If-None-Match": tag]).status == 304)
        #expect(try await products.api.get(path, ["If-None-Match": "\"other\""]).status == 200)
        _ = try await products.api.patch(path, ["price": 5])
        #expect(try await products.api.get(path, ["If-None-Match": tag]).status == 200)
    }

    @Test(arguments: Deployment.allCases)
    func oneOfTwoConcurrentChangesSucceeds(_ deployment: Deployment) async throws {
        let products = try await Products.asAdministrator(deployment.platform())
        let path = try await products.addedPath()
        let tag = try #require(try await products.api.get(path).header("ETag"))
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for price in 1...8 {
                group.addTask {
                    try await products.api.patch(path, ["price": .number("\(price)")], ["If-Match": tag]).status
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 200 }.count == 1)
        #expect(statuses.filter { $0 == 412 }.count == 7)
    }
}
