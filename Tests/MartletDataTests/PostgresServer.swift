import Foundation
import MartletSystem
import MartletTesting
import Testing

/// A PostgreSQL server for one test, which may stop, start and freeze it.
struct PostgresServer {
    let port: Int
    private let folder: URL
    private let binaries: String

    var url: String { "postgres://postgres@127.0.0.1:\(port)/postgres" }

    static func with(_ body: (PostgresServer) async throws -> Void) async throws {
        let binaries = try environment("MARTLET_TEST_POSTGRES_BIN")
        try await withTemporaryFolder { folder in
            let server = PostgresServer(port: try FreePort.choose(), folder: folder, binaries: binaries)
            if getuid() == 0 { try await server.run("/bin/chown", ["postgres", folder.path]) }
            try await server.pg(
                "initdb", ["-D", server.data, "-A", "trust", "-U", "postgres", "-N", "--locale=C.UTF-8"])
            try await server.start()
            do {
                try await body(server)
                try await server.end()
            } catch {
                try? await server.end()
                throw error
            }
        }
    }

    private var data: String { folder.appending(path: "data").path }

    func start() async throws {
        let settings = "-p \(port) -k \(folder.path) -c listen_addresses=127.0.0.1 -c fsync=off"
        let log = folder.appending(path: "log").path
        try await pg("pg_ctl", ["-D", data, "-o", settings, "-l", log, "-w", "start"])
    }

    func stop() async throws { try await pg("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"]) }

    /// Suspends every process of the server.
    func freeze() throws { try signal(SIGSTOP) }
    func thaw() throws { try signal(SIGCONT) }

    private func end() async throws {
        try thaw()
        try await stop()
    }

    private func signal(_ signal: CInt) throws {
        let file = folder.appending(path: "data/postmaster.pid")
        let text = try String(contentsOf: file, encoding: .utf8)
        let postmaster = try #require(text.split(separator: "\n").first.flatMap { pid_t($0) })
        kill(postmaster, signal)
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let process = pid_t(name),
                let status = try? String(contentsOfFile: "/proc/\(name)/status", encoding: .utf8),
                status.contains("\nPPid:\t\(postmaster)\n")
            else { continue }
            kill(process, signal)
        }
    }

    private func pg(_ tool: String, _ arguments: [String]) async throws {
        let path = "\(binaries)/\(tool)"
        // PostgreSQL refuses to run as root.
        if getuid() == 0 {
            try await run("/usr/sbin/runuser", ["-u", "postgres", "--", path] + arguments)
        } else {
            try await run(path, arguments)
        }
    }

    /// Does not use Foundation's `Process`, which considers a program running as long as a server that it has started.
    private func run(_ path: String, _ arguments: [String]) async throws {
        let status: CInt = await withCheckedContinuation { continuation in
            // A thread that may block.
            Thread.detachNewThread {
                continuation.resume(
                    returning: (try? Program.spawn([path] + arguments)).map(Program.wait) ?? -1)
            }
        }
        try #require(status == 0, "\(path) \(arguments) failed")
    }
}

/// Runs `body` with a listener that accepts connections and never responds.
func withBlackHole(_ body: (_ port: Int) async throws -> Void) async throws {
    let (descriptor, port) = try FreePort.bound()
    defer { close(descriptor) }
    try #require(listen(descriptor, 16) == 0)
    try await body(port)
}
