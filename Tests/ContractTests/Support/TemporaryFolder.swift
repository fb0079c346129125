import Foundation

/// Temporary folders, removed at the end of the run.
enum TemporaryFolder {
    static func make(_ name: String) throws -> String {
        var template = Array("/tmp/martlet-\(name)-XXXXXX".utf8CString)
        let made: String? = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap(mkdtemp).map { String(cString: $0) }
        }
        guard let made else { throw TestEnvironment.Missing(description: "No temporary folder can be made in /tmp.") }
        Reaper.shared.watch(folder: made)
        return made
    }
}
