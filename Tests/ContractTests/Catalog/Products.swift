import MartletCore
import MartletTesting

/// The catalog, for tests.
struct Products: Sendable {
    static let path = "/api/products"

    let api: API

    /// The catalog as the administrator.
    static func asAdministrator(_ platform: RunningPlatform) async throws -> Products {
        Products(api: try await platform.administratorAPI())
    }

    /// Adds a product with defaults for the missing fields.
    /// - Returns: the product in the response.
    @discardableResult
    func add(_ fields: JSONValue = [:]) async throws -> JSONValue {
        var members: [(String, JSONValue)] = [("name", .string(uniqueName("product"))), ("price", .number("1"))]
        for field in fields.objectValue ?? [] {
            members.removeAll { $0.0 == field.0 }
            members.append(field)
        }
        let answer = try await api.post(Self.path, .object(members))
        guard answer.status == 201 else { throw Unexpected(answer) }
        return try answer.json()
    }

    /// Adds a product and returns its path.
    func addedPath(_ fields: JSONValue = [:]) async throws -> String { Self.path(try await add(fields)) }

    static func path(_ product: JSONValue) -> String { "\(path)/\(product["id"]?.intValue ?? 0)" }

    /// The names on a page of the list.
    func names(_ query: String, in list: String = path) async throws -> [String] {
        let answer = try await api.get(list + query)
        guard answer.status == 200 else { throw Unexpected(answer) }
        return try answer.json()["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
    }
}
