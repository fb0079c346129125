import Foundation
import MartletTesting
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

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
            // A separate thread, because spawning blocks.
            Thread.detachNewThread { continuation.resume(returning: spawn([path] + arguments)) }
        }
        try #require(status == 0, "\(path) \(arguments) failed")
    }
}

/// Runs a program to completion, without input and output.
private func spawn(_ words: [String]) -> CInt {
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in CInt(0)...2 {
        posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
    }
    var process = pid_t()
    guard posix_spawn(&process, words[0], &actions, nil, &arguments, environ) == 0 else { return -1 }
    var status: CInt = 0
    while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return -1 } }
    return status
}
