import MartletCore
import MartletTesting

/// A user with an open session.
struct Person: Sendable {
    let id: Int
    let email: String
    let username: String
    let password: String
    let token: String
    let refreshToken: String
}

/// The users of one platform. Signing in is expensive, so tests share sessions that they do not end.
actor People {
    static let password = "Quartz-umbrella-73-vivid"

    private let api: API
    private var shared: [String: Task<Person, any Error>] = [:]

    init(port: Int) { api = API(port: port) }

    /// The first administrator.
    func administrator() async throws -> Person {
        try await share("administrator") { api in
            try await People.signIn(
                RunningPlatform.administrator.email, password: RunningPlatform.administrator.password, api)
        }
    }

    /// A user with exactly these permissions, shared by all tests that request the same ones.
    func holder(of permissions: [String], isStaff: Bool = false) async throws -> Person {
        let administrator = try await administrator()
        return try await share("\(isStaff) \(permissions.sorted())") { api in
            let name = uniqueName("holder")
            let answer = try await api.with(administrator.token).post(
                "/api/users",
                [
                    "email": .string("\(name)@example.com"), "username": .string(name),
                    "password": .string(Self.password),
                    "is_staff": .bool(isStaff), "permissions": .array(permissions.map { .string($0) }),
                ])
            guard answer.status == 201 else { throw Unexpected(answer) }
            return try await People.signIn("\(name)@example.com", password: Self.password, api)
        }
    }

    /// A newly registered and signed-in user, not shared with other tests.
    func newcomer() async throws -> Person {
        let name = uniqueName("newcomer")
        let answer = try await api.post(
            "/api/auth/register",
            ["email": .string("\(name)@example.com"), "username": .string(name), "password": .string(Self.password)])
        guard answer.status == 201 else { throw Unexpected(answer) }
        return try await Self.signIn("\(name)@example.com", password: Self.password, api)
    }

    /// Opens a session.
    static func signIn(_ email: String, password: String, _ api: API) async throws -> Person {
        let answer = try await api.post("/api/auth/login", ["email": .string(email), "password": .string(password)])
        guard answer.status == 200 else { throw Unexpected(answer) }
        let json = try answer.json()
        guard let user = json["user"], let id = user["id"]?.intValue, let username = user["username"]?.stringValue,
            let token = json["access_token"]?.stringValue, let refresh = json["refresh_token"]?.stringValue
        else { throw Unexpected(answer) }
        return Person(
            id: id, email: email, username: username, password: password, token: token, refreshToken: refresh)
    }

    private func share(
        _ key: String, _ make: @escaping @Sendable (API) async throws -> Person
    ) async throws -> Person {
        let task = shared[key] ?? Task { [api] in try await make(api) }
        shared[key] = task
        return try await task.value
    }
}

/// A response with which a test cannot continue.
struct Unexpected: Error, CustomStringConvertible {
    let description: String
    init(_ response: Response) { description = "\(response.status) \(response.text)" }
}

extension RunningPlatform {
    /// The API for a user with exactly these permissions.
    func api(with permissions: String..., isStaff: Bool = false) async throws -> API {
        api.with(try await people.holder(of: permissions, isStaff: isStaff).token)
    }

    func administratorAPI() async throws -> API { api.with(try await people.administrator().token) }
}
