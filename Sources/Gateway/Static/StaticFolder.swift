import MartletCore
import MartletSystem
import NIOCore

/// Scans a folder and loads the files that fit into memory.
enum StaticFolder {
    /// The most bytes of all files in memory.
    static let memoryLimit = 16 * 1024 * 1024
    private static let maximumFiles = 20_000
    private static let maximumDepth = 16

    /// - Parameters:
    ///   - rules: the fields of the responses.
    ///   - known: the files of an earlier read with the same rules; unchanged files are not read again.
    /// - Returns: the files by path below the root, with a leading slash; nil when the folder does not exist.
    static func read(_ root: String, _ rules: StaticFile.ResponseFields, known: [String: StaticFile] = [:]) -> [String:
        StaticFile]?
    {
        guard let root = realPath(root), isFolder(root) else { return nil }
        var found: [(name: String, path: String, info: stat)] = []
        collect(root, prefix: "", root: root, depth: 0, into: &found)
        var files: [String: StaticFile] = [:]
        var remaining = memoryLimit
        // Small files first: they are requested most, and the order does not depend on the file system.
        for (name, path, info) in found.sorted(by: { ($0.info.st_size, $0.name) < ($1.info.st_size, $1.name) }) {
            let version = FileVersion(info)
            if let file = known[name], file.version == version, file.memory > 0, file.memory <= remaining {
                remaining -= file.memory
                files[name] = file
                continue
            }
            if version.size <= remaining, let bytes = load(path, size: version.size) {
                remaining -= bytes.count
                let content = ByteBuffer(bytes: bytes)
                let compressed = compressed(content, name: name)
                if let compressed { remaining -= compressed.readableBytes }
                files[name] = StaticFile(
                    name: name, content: .memory(content, gzip: compressed), etag: etag(of: bytes),
                    version: version, rules: rules)
            } else {
                files[name] = StaticFile(
                    name: name, content: .disk(path: path), etag: etag(of: version),
                    version: version, rules: rules)
            }
        }
        return files
    }

    /// Compresses content that is worth it, once. These files hold no secrets.
    private static func compressed(_ content: ByteBuffer, name: String) -> ByteBuffer? {
        let type = Array(ContentType.of(name).utf8)
        let policy = CompressionPolicy.standard
        guard content.readableBytes >= policy.minimum, type.withUnsafeBytes({ policy.covers($0) }),
            let compressed = Deflater(.gzip, level: 6)?.compress(content, flush: .end),
            compressed.readableBytes < content.readableBytes / 10 * 9
        else { return nil }
        // A buffer of the exact size: the original has grown larger.
        return ByteBuffer(bytes: compressed.readableBytesView)
    }

    private static func isFolder(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    private static func collect(
        _ folder: String, prefix: String, root: String, depth: Int,
        into found: inout [(name: String, path: String, info: stat)]
    ) {
        guard depth < maximumDepth, let stream = opendir(folder) else { return }
        defer { closedir(stream) }
        while found.count < maximumFiles, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            // Skips hidden files, the folder itself and its parent.
            guard !name.hasPrefix("."), let path = realPath(folder + "/" + name), path.hasPrefix(root + "/") else {
                continue
            }
            var info = stat()
            guard stat(path, &info) == 0 else { continue }
            switch info.st_mode & S_IFMT {
            case S_IFREG: found.append((prefix + "/" + name, path, info))
            case S_IFDIR: collect(path, prefix: prefix + "/" + name, root: root, depth: depth + 1, into: &found)
            default: break
            }
        }
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func load(_ path: String, size: Int) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var filled = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while filled < size {
                let read = pread(descriptor, buffer.baseAddress.map { $0 + filled }, size - filled, off_t(filled))
                if read <= 0 { break }
                filled += read
            }
            count = filled
        }
        return filled == size ? bytes : nil
    }

    /// FNV-1a over the content, plus its length: equal content has an equal tag on every machine.
    private static func etag(of bytes: [UInt8]) -> String {
        let hash = Hash64.fnv1a(bytes)
        return "\"\(String(hash, radix: 16))-\(String(bytes.count, radix: 16))\""
    }

    private static func etag(of version: FileVersion) -> String {
        let parts = [Int(version.seconds), version.nanoseconds, version.size].map { String($0, radix: 16) }
        return "\"\(parts.joined(separator: "-"))\""
    }
}
