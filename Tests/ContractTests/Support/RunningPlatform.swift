import Foundation
import MartletTesting
import Synchronization

/// A running platform: one process or three, with its own folders and database.
final class RunningPlatform: Sendable {
    static let administrator = (email: "admin@example.com", password: "Quartz-umbrella-73-vivid")

    /// One process of the platform.
    private struct Part {
        let arguments: [String]
        let variables: [String: String]
        let folder: String
        var process: ChildProcess?
    }

    let deployment: Deployment
    /// The gateway's port.
    let port: Int
    /// The port of each service in a separate process.
    let servicePorts: [String: Int]
    let people: People
    /// The URL of the database; nil on SQLite.
    let databaseURL: String?
    private let parts: Mutex<[String: Part]>

    var api: API { API(port: port) }

    /// Starts all processes and waits until they are ready.
    /// - Parameter databaseURL: the database. Default: a new one on the existing server.
    static func start(_ deployment: Deployment, databaseURL: String? = nil) async throws -> RunningPlatform {
        var variables = [
            "MARTLET_ADMIN_EMAIL": administrator.email, "MARTLET_ADMIN_PASSWORD": administrator.password,
            // Tests share people, whose tokens must outlive the run, however slow the machine is.
            "MARTLET_ACCESS_TOKEN_LIFETIME": "3600",
        ]
        if deployment.usesPostgres {
            if let databaseURL {
                variables["DATABASE_URL"] = databaseURL
            } else {
                variables["DATABASE_URL"] = try await PostgresServer.makeDatabase()
            }
        }
        let platform = try RunningPlatform(deployment, variables)
        for name in platform.partNames { try platform.startPart(name) }
        try await platform.ready()
        return platform
    }

    private init(_ deployment: Deployment, _ variables: [String: String]) throws {
        self.deployment = deployment
        port = try FreePort.choose()
        people = People(port: port)
        databaseURL = variables["DATABASE_URL"]
        let folder = try TemporaryFolder.make("contract")
        let console = try Console.make(in: folder)
        func part(_ name: String, _ arguments: [String]) throws -> Part {
            let own = "\(folder)/\(name)"
            try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: false)
            return Part(
                arguments: ["serve", "--data-dir", "\(own)/data", "--console-dir", console] + arguments,
                variables: variables, folder: own)
        }
        guard deployment.isApart else {
            servicePorts = [:]
            parts = Mutex(["martlet": try part("martlet", ["--port", "\(port)"])])
            return
        }
        let ports = ["accounts": try FreePort.choose(), "catalog": try FreePort.choose()]
        servicePorts = ports
        func place(_ service: String) -> [String] {
            ["--service", "\(service)=http://127.0.0.1:\(ports[service] ?? 0)"]
        }
        func listen(_ service: String) -> [String] {
            ["--only", service, "--listen", "127.0.0.1:\(ports[service] ?? 0)"]
        }
        parts = Mutex([
            "gateway": try part(
                "gateway", ["--only", "gateway", "--port", "\(port)"] + place("accounts") + place("catalog")),
            "accounts": try part("accounts", listen("accounts")),
            "catalog": try part("catalog", listen("catalog") + place("accounts")),
        ])
    }

    /// The processor time that all processes have used so far.
    var processorTime: Duration {
        get throws { try partNames.compactMap { process($0) }.reduce(.zero) { try $0 + $1.processorTime } }
    }

    // MARK: Parts

    var partNames: [String] { parts.withLock { $0.keys.sorted() } }

    func startPart(_ name: String) throws {
        try parts.withLock { parts in
            guard let part = parts[name] else {
                throw TestEnvironment.Missing(description: "There is no part \(name).")
            }
            parts[name]?.process = try ChildProcess(
                TestEnvironment.binary(), part.arguments, variables: part.variables, folder: part.folder)
        }
    }

    func process(_ name: String) -> ChildProcess? { parts.withLock { $0[name]?.process } }

    func dataFolder(_ name: String) -> String? { parts.withLock { $0[name].map { $0.folder + "/data" } } }

    /// The name of the process that runs a service.
    func part(of service: String) -> String { deployment.isApart ? service : "martlet" }

    /// The lines that a part has written to standard error.
    func log(_ name: String) -> [Substring] { process(name)?.standardError.split(separator: "\n") ?? [] }

    func ready() async throws {
        do {
            try await eventually("the platform's start") {
                for name in self.partNames {
                    if let ending = self.process(name)?.ending {
                        throw Command.Failed(description: "\(name) \(ending)")
                    }
                }
                return try await self.api.get("/health/ready").status == 200
            }
        } catch {
            let logs = partNames.map { "\($0): \(log($0).joined(separator: "\n"))" }.joined(separator: "\n")
            throw Command.Failed(description: "\(error)\n\(logs)")
        }
    }

    /// Stops all processes. The ``Reaper`` stops shared platforms.
    func stop() async throws {
        for name in partNames { try await process(name)?.stop() }
    }
}

/// A console of two files with known contents.
enum Console {
    static let page = "<!doctype html><title>Martlet</title>"
    static let script = "console.log('martlet')"
    /// The contents of a file beside the console's folder.
    static let secret = "s3cr3t"

    /// - Returns: the folder. A file beside it must not be reachable.
    static func make(in folder: String) throws -> String {
        let path = folder + "/console"
        try FileManager.default.createDirectory(atPath: path + "/assets", withIntermediateDirectories: true)
        try Data(page.utf8).write(to: URL(filePath: path + "/index.html"))
        try Data(script.utf8).write(to: URL(filePath: path + "/assets/app.js"))
        try Data(secret.utf8).write(to: URL(filePath: folder + "/secret.txt"))
        return path
    }
}
