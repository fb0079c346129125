import Foundation
import MartletCore
import MartletTesting
import Testing

/// Logging never reveals a secret, blocks a request or ends the process.
@Suite(.inTurn) struct LogTests {
    private static let secret = "pa55-Quartz-umbrella-vivid"

    private func serve(
        _ arguments: [String], _ variables: [String: String] = [:], port: Int, path: String = "/health/live"
    ) async throws -> ChildProcess {
        let process = try ChildProcess(
            TestEnvironment.binary(), ["serve"] + arguments, variables: variables,
            folder: TemporaryFolder.make("log"))
        try await eventually("the start") {
            if let ending = process.ending { throw Command.Failed(description: "\(ending): \(process.standardError)") }
            return try await API(port: port).get(path, ["Connection": "close"]).status == 200
        }
        return process
    }

    private func expectNoSecret(_ process: ChildProcess, at location: SourceLocation = #_sourceLocation) {
        let said = process.standardError + process.standardOutput
        #expect(!said.isEmpty, sourceLocation: location)
        for line in said.split(separator: "\n") where line.contains(Self.secret) {
            Issue.record("\(line.prefix(2000))", sourceLocation: location)
        }
    }

    @Test(arguments: ["trace", "debug", "info"])
    func serviceLogsNoSecretAtAnyLevel(_ level: String) async throws {
        let port = try FreePort.choose()
        let folder = try TemporaryFolder.make("secrets")
        let process = try await serve(
            [
                "--only", "accounts", "--listen", "127.0.0.1:\(port)", "--data-dir", "\(folder)/data", "--register",
                "--registry-url", "etcd://root:\(Self.secret)@127.0.0.1:1", "--log-level", level,
                "--otlp-endpoint", "http://user:\(Self.secret)@127.0.0.1:1",
            ], ["MARTLET_ADMIN_PASSWORD": Self.secret], port: port)
        _ = try await API(port: port).get("/api/auth/me")
        try await eventually("the collector's absence") {
            level == "info" || process.standardError.contains("spans are not exported")
        }
        try await process.stop()
        expectNoSecret(process)
    }

    @Test(arguments: ["trace", "info"])
    func gatewayLogsNoSecretAtAnyLevel(_ level: String) async throws {
        let port = try FreePort.choose()
        let folder = try TemporaryFolder.make("secrets")
        let file = """
            redis: {url: "redis://user:\(Self.secret)@127.0.0.1:1/0"}
            upstreams:
              found: {discovery: {etcd: {endpoints: ["http://127.0.0.1:1"], user: root, password: \(Self.secret), service: found}}}
            routes:
              - prefix: /found
                upstream: found
                authentication:
                  jwt: {issuer: a, audience: b, jwks: "http://user:\(Self.secret)@127.0.0.1:1/keys"}
            """
        try Data(file.utf8).write(to: URL(filePath: "\(folder)/gateway.yaml"))
        let process = try await serve(
            [
                "--port", "\(port)", "--data-dir", "\(folder)/data", "--gateway-file", "\(folder)/gateway.yaml",
                "--log-level", level,
            ], ["MARTLET_ADMIN_PASSWORD": Self.secret], port: port)
        _ = try await API(port: port).get("/found/x", ["Authorization": "Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA"])
        process.send(signal: SIGHUP)
        try await eventually("the reload") {
            process.standardError.contains("was reloaded")
        }
        try await process.stop()
        expectNoSecret(process)
    }

    @Test func reportsARefusingDatabaseWithoutThePassword() async throws {
        let server = try #require(URLComponents(string: try TestEnvironment.postgresURL()))
        for (user, database) in [("nobody_of_this_name", "postgres"), (server.user ?? "martlet", "no_such_database")] {
            var url = server
            url.user = user
            url.password = Self.secret
            url.path = "/\(database)"
            let folder = try TemporaryFolder.make("refused")
            // The process waits half a minute for an unreachable database. This one is reachable and rejects the
            // connection.
            let command = try await Command.martlet(
                "serve", "--port", "\(try FreePort.choose())", "--data-dir", "\(folder)/data", "--log-level", "trace",
                variables: ["DATABASE_URL": try #require(url.string)], within: .seconds(15))
            #expect(command.status == 2, "\(command.standardError)")
            #expect(
                command.standardError.contains("martlet: database_url: ")
                    && command.standardError.contains("does not exist"), "\(command.standardError)")
            #expect(!command.standardError.contains(Self.secret))
            let load = try await Command.martlet(
                "import", "products", "\(TestEnvironment.repository.path)/Examples/Products/products.csv",
                variables: ["DATABASE_URL": try #require(url.string)], within: .seconds(15))
            #expect(load.status == 2 && load.standardError.contains("database_url"), "\(load.standardError)")
        }
    }

    @Test func ignoresSIGHUPWithoutAGatewayFile() async throws {
        let port = try FreePort.choose()
        let folder = try TemporaryFolder.make("hangup")
        for part in [[], ["--only", "accounts"]] {
            let process = try await serve(
                ["--listen", "127.0.0.1:\(port)", "--data-dir", "\(folder)/data"] + part, port: port)
            try await eventually("the line in the log") {
                // Until its handler is installed, the signal is silently ignored.
                process.send(signal: SIGHUP)
                return process.standardError.contains("SIGHUP is ignored")
            }
            #expect(try await API(port: port).get("/health/live", ["Connection": "close"]).status == 200)
            try await process.stop()
            #expect(process.ending == .exited(0))
        }
    }

    /// A pipe holds 64 KiB, which is a few hundred requests at level debug.
    @Test func unreadLogDoesNotBlock() async throws {
        let port = try FreePort.choose()
        let folder = try TemporaryFolder.make("unread")
        let process = try ProcessWithoutReader(
            TestEnvironment.binary(),
            ["serve", "--port", "\(port)", "--data-dir", "\(folder)/data", "--log-level", "trace"])
        let api = API(port: port)
        try await eventually("the start") { try await api.get("/health/ready").status == 200 }
        for _ in 0..<800 { #expect(try await api.get("/api/products?limit=1").status == 200) }
        #expect(try await api.get("/health/ready").status == 200)
        process.terminate()
        try await process.ended(within: .seconds(15))
    }
}
