import Foundation
import MartletTesting

/// Databases on the existing server, created for one deployment and dropped at the end of the run.
enum PostgresServer {
    /// - Returns: the URL of a new, empty database.
    static func makeDatabase() async throws -> String {
        try await makeDatabase(on: TestEnvironment.postgresURL())
    }

    static func makeDatabase(on server: String) async throws -> String {
        let name = uniqueName("contract_")
        Reaper.shared.watch(database: name, on: server)
        // The locale decides which letters differ only in case.
        let creation = "CREATE DATABASE \(name) TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"
        try await Command.run("/usr/bin/env", ["psql", "-qX", server, "-c", creation]).succeeded()
        guard var parts = URLComponents(string: server) else {
            throw TestEnvironment.Missing(description: "MARTLET_TEST_POSTGRES_URL is not a URL.")
        }
        parts.path = "/\(name)"
        return parts.string ?? server
    }
}

/// A dedicated PostgreSQL server, for tests that stop it.
struct OwnPostgres: Sendable {
    private let binaries: String
    private let folder: String
    private let port: Int

    /// Creates an empty cluster and starts it.
    static func make() async throws -> (OwnPostgres, ChildProcess) {
        let server = OwnPostgres(
            binaries: try TestEnvironment.postgresBinaries(), folder: try TemporaryFolder.make("postgres"),
            port: try FreePort.choose())
        if getuid() == 0 {
            guard let owner = getpwnam("postgres") else {
                throw TestEnvironment.Missing(
                    description: "PostgreSQL does not run as root; there is no user postgres.")
            }
            _ = chown(server.folder, owner.pointee.pw_uid, owner.pointee.pw_gid)
        }
        let command = server.command(
            "initdb",
            [
                "--pgdata", server.folder + "/data", "--username", "martlet", "--auth", "trust", "--no-sync",
                "--encoding", "UTF8", "--locale", "C.UTF-8",
            ])
        try await Command.run(command.0, command.1).succeeded()
        return (server, try await server.start())
    }

    var url: String { "postgres://martlet@127.0.0.1:\(port)/postgres" }

    /// Starts the server. `SIGQUIT` to the process simulates a power failure.
    func start() async throws -> ChildProcess {
        let command = command(
            "postgres",
            [
                "-D", folder + "/data", "-p", "\(port)", "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c",
                "fsync=off",
            ])
        let process = try ChildProcess(command.0, command.1, folder: TemporaryFolder.make("postgres-log"))
        try await eventually("PostgreSQL's start") {
            let ping = self.command("pg_isready", ["-q", "-h", "127.0.0.1", "-p", "\(port)"])
            return try await Command.run(ping.0, ping.1).status == 0
        }
        return process
    }

    /// PostgreSQL refuses to run as root.
    private func command(_ name: String, _ arguments: [String]) -> (String, [String]) {
        let path = "\(binaries)/\(name)"
        guard getuid() == 0 else { return (path, arguments) }
        let user = ["--reuid=postgres", "--regid=postgres", "--init-groups", "--", path]
        return ("/usr/bin/env", ["setpriv"] + user + arguments)
    }
}
