import Foundation
import MartletCore
import MartletTesting
import Synchronization
import Testing

/// Services and a gateway that find each other through a real etcd.
@Suite(.alone) struct DiscoveryTests {
    @Test func followsServicesAndSurvivesTheRegistry() async throws {
        let etcd = try OwnEtcd.make()
        var registry = try await etcd.start()
        let platform = try RegisteredPlatform(registry: etcd.url)

        // Parts can start in any order. The gateway comes first and responds with 503 until the services are found.
        try platform.start("gateway")
        try await eventually("the gateway's start") {
            try await platform.api.get("/api/products").status == 503
        }
        try platform.start("accounts")
        try platform.start("catalog-1")
        try await eventually("the platform's start") {
            try await platform.api.get("/health/ready").status == 200
        }
        // Catalog has found the keys of Accounts through etcd.
        let administrator = try await People(port: platform.port).administrator()
        let api = platform.api.with(administrator.token)
        #expect(try await api.get("/api/users").status == 200)
        #expect(try await api.post("/api/products", ["name": "Tea", "price": "1.00"]).status == 201)
        try await platform.endpoints(of: "catalog", become: ["catalog-1"])

        // A second one joins.
        try platform.start("catalog-2")
        try await platform.endpoints(of: "catalog", become: ["catalog-1", "catalog-2"])

        // It dies: its pending reads are retried on the other, and its lease expires.
        let failures = try await platform.failures {
            platform.process("catalog-2")?.send(signal: SIGKILL)
            try await platform.endpoints(of: "catalog", become: ["catalog-1"])
        }
        #expect(failures == [])

        // It starts again and shuts down cleanly.
        try platform.start("catalog-2")
        try await platform.endpoints(of: "catalog", become: ["catalog-1", "catalog-2"])
        let left = ContinuousClock.now
        let failuresOfLeaving = try await platform.failures {
            try await platform.process("catalog-2")?.stop()
            try await platform.endpoints(of: "catalog", become: ["catalog-1"])
        }
        #expect(failuresOfLeaving == [])
        // Sooner than a lease would have expired.
        #expect(ContinuousClock.now - left < .seconds(6))

        // The registry dies. The known endpoints stay in use.
        let failuresWithoutRegistry = try await platform.failures {
            try await registry.stop()
            try await eventually("the loss") {
                try await platform.upstream("catalog")?["discovery"]?["is_reachable"]?.boolValue == false
            }
        }
        #expect(failuresWithoutRegistry == [])
        try await platform.endpoints(of: "catalog", become: ["catalog-1"])

        // It comes back empty. The services register again.
        try etcd.forget()
        let failuresOfReturn = try await platform.failures {
            registry = try await etcd.start()
            try platform.start("catalog-2")
            try await platform.endpoints(of: "catalog", become: ["catalog-1", "catalog-2"])
        }
        #expect(failuresOfReturn == [])
        #expect(try await api.get("/api/users").status == 200)
        let log = platform.process("gateway")?.standardError ?? ""
        let warnings = log.split(separator: "\n").filter { $0.contains("the registry does not answer") }
        // One for each service that the gateway discovers.
        #expect(warnings.count == 2, "\(warnings.joined(separator: "\n"))")
        for name in ["catalog-1", "catalog-2", "accounts", "gateway"] {
            try await platform.process(name)?.stop()
            #expect(platform.process(name)?.ending == .exited(0), "\(name)")
        }
        try await registry.stop()
    }

    @Test(arguments: [
        (["--only", "catalog", "--register"], "register: requires registry_url"),
        (["--only", "gateway", "--registry-url", "etcd://h:1", "--register"], "register: no service runs here"),
        (["--registry-url", "etcd://h:1", "--register"], "register: services in the gateway's process"),
        (
            ["--only", "catalog", "--listen", "0.0.0.0:1", "--registry-url", "etcd://h:1", "--register"],
            "advertise_address: required"
        ),
        (["--registry-url", "redis://h:1"], "registry_url: must be etcd://host:port"),
        (["--registry-url", "etcd://user:pw@h"], "registry_url: 'h' has no port"),
        (["--advertise-address", "unix:/x"], "advertise_address: must be host:port"),
        (["--registry-key", "x"], "registry_key: requires registry_certificate"),
    ])
    func reportsContradictions(_ arguments: [String], _ complaint: String) async throws {
        let check = try await Command.run(TestEnvironment.binary(), ["config", "check"] + arguments)
        #expect(check.status == 2)
        #expect(check.standardError.contains(complaint), "\(check.standardError)")
        #expect(!check.standardError.contains("pw"))
    }
}

/// A platform whose parts find each other only through the registry.
private final class RegisteredPlatform: Sendable {
    let port: Int
    private let adminPort: Int
    private let folder: String
    private let ports: [String: Int]
    private let registry: String
    private let processes = Processes()

    var api: API { API(port: port) }

    init(registry: String) throws {
        self.registry = registry
        port = try FreePort.choose()
        adminPort = try FreePort.choose()
        folder = try TemporaryFolder.make("discovery")
        ports = [
            "accounts": try FreePort.choose(), "catalog-1": try FreePort.choose(), "catalog-2": try FreePort.choose(),
        ]
    }

    func process(_ name: String) -> ChildProcess? { processes[name] }

    func start(_ name: String) throws {
        let own = "\(folder)/\(name)"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
        var arguments = ["serve", "--data-dir", "\(own)/data", "--registry-url", registry]
        if let port = ports[name] {
            arguments += ["--only", String(name.prefix { $0 != "-" }), "--listen", "127.0.0.1:\(port)", "--register"]
        } else {
            arguments += ["--only", "gateway", "--port", "\(port)", "--admin-listen", "127.0.0.1:\(adminPort)"]
        }
        let (email, password) = RunningPlatform.administrator
        processes[name] = try ChildProcess(
            TestEnvironment.binary(), arguments,
            variables: ["MARTLET_ADMIN_EMAIL": email, "MARTLET_ADMIN_PASSWORD": password], folder: own)
    }

    /// The state of an upstream in the gateway's administration.
    func upstream(_ name: String) async throws -> JSONValue? {
        let token = try String(contentsOfFile: "\(folder)/gateway/data/admin.token", encoding: .utf8)
        let state = try await API(port: adminPort, token: token).get("/state").json()
        return state["upstreams"]?.arrayValue?.first { $0["name"]?.stringValue == name }
    }

    func endpoints(of service: String, become names: [String]) async throws {
        let expected = names.compactMap { ports[$0] }.map { "http://127.0.0.1:\($0)" }
        try await eventually("\(service) at \(names)") {
            let endpoints = try await self.upstream(service)?["endpoints"]?.arrayValue ?? []
            let found = endpoints.compactMap { $0["url"]?.stringValue }
            return Set(found) == Set(expected) && found.count == expected.count
        }
    }

    /// Sends requests continuously while `body` runs.
    /// - Returns: the responses other than 200.
    func failures(_ body: () async throws -> Void) async throws -> [String] {
        try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var failures: [String] = []
                    while !Task.isCancelled {
                        let answer = try? await self.api.get("/api/products")
                        if Task.isCancelled { break }
                        if answer?.status != 200 { failures.append("\(answer?.status ?? 0) \(answer?.text ?? "")") }
                    }
                    return failures
                }
            }
            do {
                try await body()
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
            return try await group.reduce([], +)
        }
    }
}

/// The latest process of each part of a platform, by name.
private final class Processes: Sendable {
    private let state = Mutex<[String: ChildProcess]>([:])

    subscript(_ name: String) -> ChildProcess? {
        get { state.withLock { $0[name] } }
        set { state.withLock { $0[name] = newValue } }
    }
}
