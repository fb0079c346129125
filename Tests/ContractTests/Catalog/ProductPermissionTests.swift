import MartletCore
import Testing

/// Reading is public; each kind of change requires its permission.
@Suite(.inTurn) struct ProductPermissionTests {
    /// One kind of change.
    private struct Change {
        let permission: String
        let success: Int
        let method: String
        /// The suffix of the product's path; nil for the path of all products.
        let suffix: String?
        let body: JSONValue?
    }

    private static let changes = [
        Change(
            permission: "catalog.add_product", success: 201, method: "POST", suffix: nil,
            body: ["name": "Allowed", "price": 1]),
        Change(
            permission: "catalog.change_product", success: 200, method: "PUT", suffix: "",
            body: ["name": "Allowed", "price": 1, "stock": 5]),
        Change(permission: "catalog.change_product", success: 200, method: "PATCH", suffix: "", body: ["stock": 6]),
        Change(
            permission: "catalog.change_product", success: 200, method: "POST", suffix: "/reduce_stock",
            body: ["quantity": 1]),
        Change(permission: "catalog.delete_product", success: 204, method: "DELETE", suffix: "", body: nil),
    ]

    private static let permissions = ["catalog.add_product", "catalog.change_product", "catalog.delete_product"]

    private func make(_ change: Change, on product: String, as api: API) async throws -> Response {
        let path = change.suffix.map { product + $0 } ?? Products.path
        return try await api.send(change.method, path, body: change.body?.bytes)
    }

    @Test(arguments: Deployment.allCases)
    func anonymousUsersCanReadButNotWrite(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let product = try await Products.asAdministrator(platform).addedPath(["stock": 5])
        for path in [product, Products.path, "/api/products/in_stock"] {
            #expect(try await platform.api.get(path).status == 200)
        }
        for change in Self.changes {
            let answer = try await make(change, on: product, as: platform.api)
            expectProblem(answer, 401, code: "unauthorized", sent: change.method)
            #expect(answer.header("WWW-Authenticate")?.hasPrefix("Bearer") == true)
        }
    }

    @Test(arguments: Deployment.allCases)
    func permissionAllowsOnlyWhatItNames(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        for permission in Self.permissions {
            let api = try await platform.api(with: permission)
            let product = try await Products.asAdministrator(platform).addedPath(["stock": 5])
            for change in Self.changes {
                let answer = try await make(change, on: product, as: api)
                if change.permission == permission {
                    #expect(answer.status == change.success, "\(change.method) with \(permission): \(answer.text)")
                } else {
                    expectProblem(answer, 403, code: "permission_denied", sent: "\(change.method) with \(permission)")
                }
            }
        }
    }

    @Test(arguments: Deployment.allCases)
    func staffWithoutPermissionCannotWrite(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let product = try await Products.asAdministrator(platform).addedPath(["stock": 5])
        let api = try await platform.api(isStaff: true)
        for change in Self.changes {
            expectProblem(try await make(change, on: product, as: api), 403, code: "permission_denied")
        }
        #expect(try await platform.api.get(product).json()["stock"] == 5)
    }

    /// Permissions are checked before the input and before the existence of the resource.
    @Test(arguments: Deployment.allCases)
    func checksPermissionFirst(_ deployment: Deployment) async throws {
        let platform = try await deployment.platform()
        let api = try await platform.api()
        expectProblem(try await api.post(Products.path, ["price": "nonsense"]), 403)
        expectProblem(try await api.delete("/api/products/999999999"), 403)
        expectProblem(try await platform.api.delete("/api/products/abc"), 401)
    }
}
