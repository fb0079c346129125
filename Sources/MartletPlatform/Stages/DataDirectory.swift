#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import MartletCore

/// The folder that holds what a platform keeps: databases, keys, and the sockets of the services that run.
package struct DataDirectory: Sendable {
    package let path: String
    /// Where the sockets are.
    private let runtime: String

    /// Makes the folder (mode 0700) and takes its lock, which the process holds until it ends.
    /// - Parameter isServing: whether to make the folder of sockets and take the lock: two platforms must not serve from one
    ///   folder.
    /// - Throws: ``UsageError`` when the folder cannot be made or another platform serves from it.
    package init(_ path: String, isServing: Bool) throws(UsageError) {
        self.path = path
        try Self.makeFolder(path)
        let absolute = path.hasPrefix("/") ? path : Self.workingDirectory + "/" + path
        // A socket's path holds at most 107 bytes; a deep folder keeps its sockets elsewhere.
        let inside = absolute + "/run"
        guard isServing else {
            runtime = inside
            return
        }
        if inside.utf8.count + "/accounts.sock".utf8.count <= 107 {
            runtime = inside
            try Self.makeFolder(inside)
        } else {
            var template = Array("/tmp/martlet-XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { throw UsageError("data_dir: no folder for sockets can be made") }
            runtime = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        let lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw UsageError("data_dir: '\(path)' is not writable") }
        // Held until the process ends: the descriptor is never closed.
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw UsageError("data_dir: another martlet serves from '\(path)'")
        }
    }

    func socket(of service: String) -> Endpoint { .unix(path: "\(runtime)/\(service).sock") }

    /// The fewest characters of a secret: 256 bits as hexadecimal digits.
    private static let secretLength = 64

    /// A secret that is made when it is first asked for: 256 random bits as hexadecimal digits, readable by the owner
    /// only. One that is there is used or refused, never replaced: somebody may have put it there.
    /// - Throws: ``UsageError`` when the file cannot be read or made, or holds something that is too short.
    func secret(_ name: String) throws(UsageError) -> String {
        let file = "\(path)/\(name)"
        if access(file, F_OK) == 0 { return try Self.readSecret(file) }
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<Self.secretLength / 2).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        // Complete or absent: a process that ends in between leaves no half of a secret behind.
        let draft = "\(file).\(getpid())"
        // Of an earlier process with the same id, as all have in a container, that ended in between.
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw UsageError("data_dir: '\(file)' cannot be made: \(Self.reason)") }
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
        let remedy = "remove the file to have a new one made, or put at least \(secretLength) characters into it"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw UsageError("data_dir: '\(file)' cannot be read as a text")
        }
        // Whoever made it with another program has put a newline at its end.
        let secret = text.trimmed
        guard secret.utf8.count >= secretLength else {
            throw UsageError("data_dir: '\(file)' holds only \(secret.utf8.count) characters; \(remedy)")
        }
        guard secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw UsageError("data_dir: '\(file)' holds blanks or characters that are not ASCII; \(remedy)")
        }
        return secret
    }

    private static var reason: String { String(cString: strerror(errno)) }

    private static func makeFolder(_ path: String) throws(UsageError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += prefix.isEmpty || prefix == "/" ? String(part) : "/" + part
            if mkdir(prefix, 0o700) != 0, errno != EEXIST {
                throw UsageError("data_dir: '\(prefix)' cannot be made: \(String(cString: strerror(errno)))")
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
