import Foundation
import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletDiscovery

/// A server process for one test. It ends with the test, or when the tests are interrupted.
///
/// Does not use Foundation's `Process`, which detects the end of a program by a descriptor that servers such as dnsmasq
/// close.
final class ServerProcess: Sendable {
    let pid: pid_t
    private let hasEnded = Mutex(false)
    /// Kills the server when the tests end and this pipe closes.
    private let guardian: FileHandle

    init(_ program: String, _ arguments: [String]) throws {
        pid = try Program.spawn([program] + arguments)
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

    /// Runs a program to completion.
    static func run(_ words: [String]) async throws {
        let process = try Program.spawn(words)
        var status: CInt = 0
        try await eventually("the end of \(words)") { waitpid(process, &status, WNOHANG) == process }
        try #require(status == 0, "\(words) failed")
    }
}

/// A real etcd on free ports, with its own folder.
final class Etcd: Sendable {
    let port: Int
    private let peerPort: Int
    private let folder: URL

    private let certificates: Certificates?
    private let options: [String]

    private init(_ folder: URL, _ certificates: Certificates?, _ options: [String]) throws {
        self.certificates = certificates
        self.options = options
        port = try FreePort.choose()
        peerPort = try FreePort.choose()
        self.folder = folder
    }

    /// - Parameters:
    ///   - isSecure: whether it uses TLS and requires client certificates.
    ///   - hasSignedTokens: whether it issues JSON Web Tokens.
    static func with(
        isSecure: Bool = false, hasSignedTokens: Bool = false, _ body: (Etcd) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            var certificates: Certificates?
            if isSecure { certificates = try await Certificates.make(in: folder) }
            let etcd = try Etcd(
                folder, certificates, hasSignedTokens ? try await signedTokens(in: folder) : [])
            try await body(etcd)
        }
    }

    private static func signedTokens(in folder: URL) async throws -> [String] {
        let (key, publicKey) = (folder.appending(path: "token.key").path, folder.appending(path: "token.pub").path)
        try await ServerProcess.run(["openssl", "genrsa", "-out", key, "2048"])
        try await ServerProcess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", publicKey])
        return ["--auth-token", "jwt,pub-key=\(publicKey),priv-key=\(key),sign-method=RS256,ttl=10m"]
    }

    var url: String { "\(certificates == nil ? "http" : "https")://127.0.0.1:\(port)" }
    var registry: EtcdRegistry { EtcdRegistry(hosts: [url], tls: certificates?.settings) }

    /// - Parameter name: the name of the data folder. With another name, etcd starts empty.
    func start(data name: String = "data") async throws -> ServerProcess {
        let peer = "http://127.0.0.1:\(peerPort)"
        let process = try ServerProcess(
            "etcd",
            [
                "--name", "test", "--data-dir", folder.appending(path: name).path, "--listen-client-urls", url,
                "--advertise-client-urls", url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                "--initial-cluster", "test=\(peer)", "--log-level", "error", "--unsafe-no-fsync",
            ] + (certificates?.options ?? []) + options)
        try await eventually("etcd's start") {
            guard process.isRunning else {
                throw DidNotHappen(description: "etcd does not run; script/bootstrap --test installs etcd-server")
            }
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

/// A certificate authority and one certificate for both sides, created with openssl.
struct Certificates: Sendable {
    private let folder: URL

    static func make(in folder: URL) async throws -> Certificates {
        let certificates = Certificates(folder: folder)
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        func file(_ name: String) -> String { certificates.file(name) }
        try await ServerProcess.run(
            ["openssl", "req", "-x509", "-subj", "/CN=test authority", "-days", "2", "-keyout", file("ca.key")]
                + ["-out", file("ca.pem")] + curve)
        try await ServerProcess.run(
            ["openssl", "req", "-subj", "/CN=localhost", "-keyout", file("etcd.key"), "-out", file("etcd.csr")] + curve)
        try Data("subjectAltName=IP:127.0.0.1\n".utf8).write(to: folder.appending(path: "names"))
        try await ServerProcess.run([
            "openssl", "x509", "-req", "-in", file("etcd.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
            "-CAcreateserial", "-days", "2", "-extfile", file("names"), "-out", file("etcd.pem"),
        ])
        return certificates
    }

    private func file(_ name: String) -> String { folder.appending(path: name).path }

    var settings: RegistryTLS {
        RegistryTLS(authorities: file("ca.pem"), certificate: file("etcd.pem"), key: file("etcd.key"))
    }

    var options: [String] {
        [
            "--cert-file", file("etcd.pem"), "--key-file", file("etcd.key"), "--client-cert-auth",
            "--trusted-ca-file", file("ca.pem"),
        ]
    }
}
