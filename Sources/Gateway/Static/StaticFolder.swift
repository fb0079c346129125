#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import NIOCore

/// Finds the files of a folder and loads the ones that fit into memory.
enum StaticFolder {
    /// All files in memory together, in bytes.
    static let memoryLimit = 16 * 1024 * 1024
    private static let maximumFiles = 20_000
    private static let maximumDepth = 16

    /// - Returns: the files by their path below the root, which starts with a slash.
    static func read(_ root: String) -> [String: StaticFile] {
        guard let root = realPath(root) else { return [:] }
        var found: [(name: String, path: String, info: stat)] = []
        collect(root, prefix: "", root: root, depth: 0, into: &found)
        var files: [String: StaticFile] = [:]
        var remaining = memoryLimit
        // Small files first: they are asked for most, and the order does not depend on the file system.
        for (name, path, info) in found.sorted(by: { ($0.info.st_size, $0.name) < ($1.info.st_size, $1.name) }) {
            let size = Int(info.st_size)
            if size <= remaining, let bytes = load(path, size: size) {
                remaining -= size
                files[name] = StaticFile(name: name, content: .memory(ByteBuffer(bytes: bytes)), etag: etag(of: bytes))
            } else {
                files[name] = StaticFile(name: name, content: .disk(path: path, size: size), etag: etag(of: info))
            }
        }
        return files
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
            // Hidden files, and the folder and its parent.
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

    /// FNV-1a over the content with its length: equal content has an equal tag on every machine.
    private static func etag(of bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return "\"\(String(hash, radix: 16))-\(String(bytes.count, radix: 16))\""
    }

    private static func etag(of info: stat) -> String {
        #if canImport(Darwin)
            let time = info.st_mtimespec
        #else
            let time = info.st_mtim
        #endif
        return
            "\"\(String(time.tv_sec, radix: 16))-\(String(time.tv_nsec, radix: 16))-\(String(info.st_size, radix: 16))\""
    }
}
