import Foundation
import Logging
import MartletClient
import MartletCore
import MartletData
import MartletMessaging
import MartletTesting
import MartletTelemetry
import Synchronization
import Testing

@testable import Accounts
@testable import MartletWeb

/// The lowest cost that the library allows.
let cheap = PasswordCost(memory: 8, iterations: 1)

/// An accounts service with its own database.
struct Fixture: Sendable {
    let service: AccountsService
    let platform: Platform
    let database: Database
    let clock: TestClock
    let directory: String
    let announced: Announcements

    final class Announcements: Sendable {
        private let lines = Mutex<[String]>([])

        /// The first lines of the announcements of an administrator.
        var administrators: [String] { lines.withLock { $0.filter { $0.hasPrefix("The first administrator") } } }

        /// The text after "with the password" in the announcement.
        var generatedPassword: String? {
            administrators.first?.split(separator: " with the password ").dropFirst().first.map(String.init)
        }

        func append(_ line: String) { lines.withLock { $0.append(line) } }
    }

    /// Another process on the same database and keys.
    func another(_ adjust: (inout AccountsSettings) -> Void = { _ in }) throws -> AccountsService {
        var settings = AccountsSettings()
        settings.passwordCost = cheap
        adjust(&settings)
        return try AccountsService(platform, settings: settings)
    }
}

func withAccounts(
    _ store: TestStore = .sqlite, settings adjust: (inout AccountsSettings) -> Void = { _ in },
    _ body: (Fixture) async throws -> Void
) async throws {
    let directory = NSTemporaryDirectory() + "/accounts-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var settings = AccountsSettings()
    settings.passwordCost = cheap
    adjust(&settings)
    try await store.withDatabase(AccountsService.migrations) { database in
        let clock = TestClock()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let client = ServiceClient("accounts", at: .unix(path: directory + "/s"), logger: logger)
        let announced = Fixture.Announcements()
        let messages = Messages(of: AccountsService.name, on: database, publishing: AccountsService.events)
        let platform = Platform(
            database: database, messages: messages,
            authenticator: Authenticator(issuer: client, clock: clock.wallClock, logger: logger),
            metrics: MetricsRegistry(), logger: logger, clock: clock.wallClock,
            monotonicClock: clock.monotonicClock, folder: directory, announce: announced.append)
        let service = try AccountsService(platform, settings: settings)
        try await body(
            Fixture(
                service: service, platform: platform, database: database, clock: clock, directory: directory,
                announced: announced))
    }
}

// MARK: Requests

/// Decodes and validates an input from JSON, as for a client.
func input<Value: Input>(_ body: JSONValue) throws -> Value {
    try InputDecoder.decode(Value.self, from: [.init(body: body)])
}

func patch<Value: Input>(_ body: JSONValue) throws -> MergePatch<Value> {
    try MergePatch<Value>.bind(to: RouteShape(hasBody: true, pathParameters: [])).read(
        RequestParts(path: [:], query: [], body: body))
}

let goodPassword = "Tr0ub4dor&3-lamp"
let otherPassword = "vexing-Quokka-71"

extension Fixture {
    var now: Timestamp { clock.wallClock.now }

    func context(
        _ principal: Principal? = nil, address: String? = "192.0.2.1", cookie: String? = nil, secure: Bool = false,
        ifMatch: String? = nil, authorization: String? = nil
    ) -> Context {
        Context(
            requestID: "test", trace: .make(), logger: platform.logger, principal: principal,
            precondition: Precondition(ifMatch: ifMatch), clientAddress: address,
            isSecure: secure, cookies: cookie, authorization: authorization)
    }

    @discardableResult
    func register(_ email: String, _ username: String, password: String = goodPassword) async throws -> User {
        let body: JSONValue = [
            "email": .string(email), "username": .string(username), "password": .string(password),
        ]
        let answer = try await service.register(context(), input(body)).responseParts()
        #expect(answer.status == 201)
        return try await user(in: answer)
    }

    func login(
        _ field: String, _ name: String, password: String = goodPassword, address: String? = "192.0.2.1"
    ) async throws -> SignedIn {
        let body: JSONValue = [(field, .string(name)), ("password", .string(password))].json
        return try await signedIn(service.login(context(address: address), input(body)).responseParts())
    }

    func refresh(_ token: String) async throws -> SignedIn {
        try await signedIn(service.refresh(context(), input(["refresh_token": .string(token)])).responseParts())
    }

    func refresh(cookie token: String) async throws -> SignedIn {
        try await signedIn(
            service.refresh(context(cookie: "a=b; martlet_refresh=\(token)"), input([:])).responseParts())
    }

    /// A signed-in superuser.
    func administrator() async throws -> SignedIn {
        if try await !service.users.hasSuperuser() {
            try await service.prepare()
        }
        let password = announced.generatedPassword ?? ""
        return try await login("username", "admin", password: password)
    }

    /// A signed-in member of staff with the permissions.
    func staff(_ username: String, _ permissions: [String]) async throws -> SignedIn {
        let root = try await administrator()
        let body: JSONValue = [
            "email": .string("\(username)@example.org"), "username": .string(username),
            "password": .string(goodPassword), "is_staff": true,
            "permissions": .array(permissions.map { .string($0) }),
        ]
        _ = try await service.create(context(root.principal), input(body))
        return try await login("username", username)
    }

    func update(_ id: ID<User>, _ body: JSONValue, by actor: SignedIn) async throws -> User {
        try await service.update(context(actor.principal), id, patch(body))
    }

    private func user(in answer: ResponseParts) async throws -> User {
        let json = try JSONValue(parsing: answer.body ?? [])
        return try await service.users.find(ID(Int64(json["id"]?.intValue ?? 0)))
    }

    private func signedIn(_ answer: ResponseParts) async throws -> SignedIn {
        let json = try JSONValue(parsing: answer.body ?? [])
        let access = try #require(json["access_token"]?.stringValue)
        let claims = try await service.keys.verify(Array(access.utf8))
        let id = ID<User>(Int64(json["user"]?["id"]?.intValue ?? 0))
        return SignedIn(
            userID: id, accessToken: access, refreshToken: try #require(json["refresh_token"]?.stringValue),
            principal: try #require(Principal(claims)), answer: answer, json: json)
    }
}

/// The result of a sign-in.
struct SignedIn: Sendable {
    let userID: ID<User>
    let accessToken: String
    let refreshToken: String
    let principal: Principal
    let answer: ResponseParts
    let json: JSONValue

    var cookie: String? { answer.headers.first { $0.name == "Set-Cookie" }?.value }
}

extension [(String, JSONValue)] {
    var json: JSONValue { .object(self) }
}

/// The problem that the body throws.
func problem<Value>(_ body: () async throws -> Value) async throws -> Problem {
    do {
        _ = try await body()
    } catch let problem as Problem {
        return problem
    }
    throw NoProblem()
}

struct NoProblem: Error {}
