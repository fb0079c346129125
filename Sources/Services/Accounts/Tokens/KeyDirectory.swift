import Foundation
import MartletCore
import MartletSystem
import MartletWeb

/// The files with the signing keys: `signing-0001.pem`, `signing-0002.pem`, …, private keys in PEM (PKCS #8).
///
/// The last key signs; all are published. To rotate, add the next number and restart. Remove the previous file once the
/// last token signed with it has expired.
struct KeyDirectory {
    private static let prefix = "signing-"
    private static let suffix = ".pem"
    static let firstName = "signing-0001.pem"

    let path: String

    /// The contents of the key files in the order of their names.
    /// - Throws: ``ServiceError`` that names the file or folder.
    func read() throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
            .filter { $0.hasPrefix(Self.prefix) && $0.hasSuffix(Self.suffix) }.sorted()
        return try names.map { name in
            let file = "\(path)/\(name)"
            var status = stat()
            guard stat(file, &status) == 0 else { throw failure("read", file) }
            guard status.st_mode & 0o007 == 0 else {
                throw ServiceError("the signing key '\(file)' is readable by all users; run chmod 600 on it")
            }
            guard let data = FileManager.default.contents(atPath: file) else { throw failure("read", file) }
            return String(decoding: data, as: UTF8.self)
        }
    }

    /// Creates the folder, accessible to its owner only, if it is missing.
    /// - Throws: ``ServiceError``.
    func create() throws {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        if !parent.isEmpty {
            try? FileManager.default.createDirectory(
                atPath: (path.hasPrefix("/") ? "/" : "") + parent, withIntermediateDirectories: true)
        }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw failure("create the folder", path) }
    }

    /// Writes the first key unless another process already has. The file appears atomically.
    /// - Throws: ``ServiceError``.
    func writeFirst(_ key: String) throws {
        let temporary = "\(path)/.\(SecureRandom.text(bytes: 12))"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write", temporary) }
        defer { unlink(temporary) }
        let bytes = Array(key.utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        guard close(descriptor) == 0, isWritten else { throw failure("write", temporary) }
        // Unlike a rename, a link does not replace a file written by another process.
        let name = "\(path)/\(Self.firstName)"
        guard link(temporary, name) == 0 || errno == EEXIST else { throw failure("write", name) }
    }

    private func failure(_ what: String, _ file: String) -> ServiceError {
        ServiceError("cannot \(what) '\(file)': \(String(cString: strerror(errno)))")
    }
}
