#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import MartletCore
import MartletSystem

/// The folder for the platform's data: databases, keys and the sockets of running services.
package struct DataDirectory: Sendable {
    package let path: String
    /// The folder of the sockets.
    private let runtime: String

    /// Creates the folder with mode 0700 if it is missing, and locks it until the process ends.
    /// - Parameters:
    ///   - isServing: whether to create the folder of the sockets and take the lock, because two platforms must not serve
    ///     from one folder.
    ///   - services: the names of the services that get sockets.
    /// - Throws: ``UsageError`` if the folder cannot be created or another platform serves from it.
    package init(_ path: String, isServing: Bool, services: [String] = []) throws(UsageError) {
        self.path = path
        try Self.makeFolder(path)
        if isServing { try Self.lock(path) }
        let absolute = path.hasPrefix("/") ? path : Self.workingDirectory + "/" + path
        // A socket's path has at most 107 bytes. With a longer path, the sockets are in a temporary folder.
        let inside = absolute + "/run"
        guard isServing else {
            runtime = inside
            return
        }
        if inside.utf8.count + (services.map(\.utf8.count).max() ?? 0) + "/.sock".utf8.count <= 107 {
            runtime = inside
            try Self.makeFolder(inside)
        } else {
            var template = Array("/tmp/martlet-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw UsageError("data_dir: cannot create a folder for sockets") }
            runtime = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    private static func lock(_ path: String) throws(UsageError) {
        let lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw UsageError("data_dir: '\(path)' is not writable") }
        // The descriptor stays open, so the lock is held until the process ends.
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw UsageError("data_dir: another martlet serves from '\(path)'")
        }
    }

    /// Removes the folder of the sockets if it is a temporary one.
    func removeSockets() {
        guard runtime.hasPrefix("/tmp/martlet-") else { return }
        try? FileManager.default.removeItem(atPath: runtime)
    }

    func socket(of service: String) -> Endpoint { .unix(path: "\(runtime)/\(service).sock") }

    /// The minimum number of characters in a secret: 256 bits as hexadecimal digits.
    private static let secretLength = 64

    /// Reads a secret, or generates it on first use: 256 random bits as hexadecimal digits, readable only by the owner.
    /// An existing file is used or rejected, never replaced, because an administrator may have written it.
    /// - Throws: ``UsageError`` if the file cannot be read or created, or its content is too short.
    func secret(_ name: String) throws(UsageError) -> String {
        let file = "\(path)/\(name)"
        if access(file, F_OK) == 0 { return try Self.readSecret(file) }
        let secret = Hexadecimal.text(SecureRandom.bytes(Self.secretLength / 2))
        // Write a draft and rename it, so that the secret is complete or absent.
        let draft = "\(file).\(getpid())"
        // A process that was killed may have left a draft. In a container, every process has the same id.
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw UsageError("data_dir: '\(file)' cannot be created: \(Self.reason)") }
        let isWritten = write(descriptor, secret, secret.utf8.count) == secret.utf8.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, rename(draft, file) == 0 else {
            let reason = Self.reason
            unlink(draft)
            throw UsageError("data_dir: '\(file)' cannot be written: \(reason)")
        }
        return secret
    }

    private static func readSecret(_ file: String) throws(UsageError) -> String {
        let remedy = "remove the file to generate a new one, or write at least \(secretLength) characters to it"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw UsageError("data_dir: '\(file)' cannot be read as UTF-8 text")
        }
        // Many programs end a file with a newline.
        let secret = text.trimmed
        guard secret.utf8.count >= secretLength else {
            throw UsageError("data_dir: '\(file)' has only \(secret.utf8.count) characters; \(remedy)")
        }
        guard secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw UsageError("data_dir: '\(file)' contains spaces or characters other than ASCII; \(remedy)")
        }
        return secret
    }

    private static var reason: String { String(cString: strerror(errno)) }

    private static func makeFolder(_ path: String) throws(UsageError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += prefix.isEmpty || prefix == "/" ? String(part) : "/" + part
            if mkdir(prefix, 0o700) != 0, errno != EEXIST {
                throw UsageError("data_dir: '\(prefix)' cannot be created: \(String(cString: strerror(errno)))")
            }
        }
        guard access(path, W_OK | X_OK) == 0 else { throw UsageError("data_dir: '\(path)' is not writable") }
    }

    private static var workingDirectory: String {
        guard let path = getcwd(nil, 0) else { return "." }
        defer { free(path) }
        return String(cString: path)
    }
}
