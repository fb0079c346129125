import Foundation
import MartletCore
import Synchronization
import Testing

@testable import MartletDiscovery

/// A server of a test's own: a process that is ended with the test, and when the tests are broken off.
///
/// Not Foundation's `Process`, which learns of the end of a program by a descriptor that servers such as dnsmasq close.
final class ServerProcess: Sendable {
    let pid: pid_t
    private let hasEnded = Mutex(false)
    /// Kills the server when the tests are gone and nobody writes here any more.
    private let guardian: FileHandle

    init(_ program: String, _ arguments: [String]) throws {
        pid = try Self.spawn(["/usr/bin/env", program] + arguments)
        let pipe = Pipe()
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = ["-c", #"read word; [ "$word" = ended ] || kill -KILL "$0""#, "\(pid)"]
        shell.standardInput = pipe
        try shell.run()
        guardian = pipe.fileHandleForWriting
        _ = fcntl(guardian.fileDescriptor, F_SETFD, FD_CLOEXEC)
    }

    var isRunning: Bool {
        hasEnded.withLock { hasEnded in
            var status: CInt = 0
            if !hasEnded, waitpid(pid, &status, WNOHANG) != 0 { hasEnded = true }
            return !hasEnded
        }
    }

    func send(_ signal: Int32) { if isRunning { kill(pid, signal) } }

    func end() async throws {
        send(SIGKILL)
        try await eventually("the end of process \(pid)") { !isRunning }
        try? guardian.write(contentsOf: Data("ended\n".utf8))
        try? guardian.close()
    }

    private static func spawn(_ words: [String]) throws -> pid_t {
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in CInt(0)...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        // Whatever the thread that starts it does not want to hear.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var process = pid_t()
        try #require(posix_spawn(&process, words[0], &actions, &attributes, &arguments, environ) == 0)
        return process
    }
}

/// A real etcd on free ports, with a folder of its own.
final class Etcd: Sendable {
    let port: Int
    private let peerPort: Int
    private let folder: URL

    private init(_ folder: URL) throws {
        port = try freePort()
        peerPort = try freePort()
        self.folder = folder
    }

    static func with(_ body: (Etcd) async throws -> Void) async throws {
        try await withTemporaryFolder { folder in
            let etcd = try Etcd(folder)
            try await body(etcd)
        }
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var registry: EtcdRegistry { EtcdRegistry(hosts: [url]) }

    /// - Parameter name: of its data; another one is an etcd that knows nothing.
    func start(data name: String = "data") async throws -> ServerProcess {
        let peer = "http://127.0.0.1:\(peerPort)"
        let process = try ServerProcess(
            "etcd",
            [
                "--name", "test", "--data-dir", folder.appending(path: name).path, "--listen-client-urls", url,
                "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", "test=\(peer)", "--log-level", "error", "--unsafe-no-fsync",
            ])
        try await eventually("etcd's start") {
            try #require(process.isRunning, "etcd does not run; script/bootstrap --test installs etcd-server")
            return (try? await EtcdClient(registry).call("/v3/maintenance/status", [:])) != nil
        }
        return process
    }
}

func withTemporaryFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "discovery-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
}

/// Asks until the condition holds.
func eventually(
    _ what: String, within limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "\(what) has not happened within \(limit)")
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// A port that nobody listens on, of UDP and TCP.
func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { address in
        address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
        }
    }
    try #require(code == 0)
    return Int(UInt16(bigEndian: address.sin_port))
}
