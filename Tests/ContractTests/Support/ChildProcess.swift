import Foundation
import MartletTesting
import Synchronization

/// A started process whose output is kept in files.
final class ChildProcess: Sendable {
    let pid: Int32
    private let folder: String
    private let exited: Exit

    /// - Parameters:
    ///   - folder: where the output is kept.
    ///   - variables: added to ``TestEnvironment/cleanVariables``.
    init(_ executable: String, _ arguments: [String], variables: [String: String] = [:], folder: String) throws {
        self.folder = folder
        let process = Process()
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder)
        process.environment = TestEnvironment.cleanVariables.merging(variables) { _, own in own }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try Self.file(folder + "/stdout")
        process.standardError = try Self.file(folder + "/stderr")
        let exited = Exit()
        self.exited = exited
        process.terminationHandler = { process in
            Reaper.shared.forget(process: process.processIdentifier)
            exited.set(
                process.terminationReason == .exit
                    ? .exited(process.terminationStatus) : .signalled(process.terminationStatus))
        }
        try process.run()
        pid = process.processIdentifier
        // A process that ends at once may have been forgotten before it is watched; then it is forgotten again.
        Reaper.shared.watch(process: pid)
        if exited.now != nil { Reaper.shared.forget(process: pid) }
    }

    enum Ending: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    /// nil while it runs.
    var ending: Ending? { exited.now }

    func send(signal: Int32) { if ending == nil { kill(pid, signal) } }

    func ended(within limit: Duration = .seconds(20)) async throws -> Ending {
        try await eventually("the end of process \(pid)", within: limit) { self.ending }
    }

    /// Asks it to end, and insists when it does not.
    func stop() async throws {
        send(signal: SIGTERM)
        do {
            _ = try await ended()
        } catch {
            send(signal: SIGKILL)
            throw error
        }
    }

    /// What has been written so far.
    var standardOutput: String { Self.text(folder + "/stdout") }
    var standardError: String { Self.text(folder + "/stderr") }

    /// A file is appended to, so that the next process in the same folder goes on where this one stopped.
    private static func file(_ path: String) throws -> FileHandle {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TestEnvironment.Missing(description: "\(path) cannot be written.") }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    private static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}

private final class Exit: Sendable {
    private let state = Mutex<ChildProcess.Ending?>(nil)
    var now: ChildProcess.Ending? { state.withLock { $0 } }
    func set(_ ending: ChildProcess.Ending) { state.withLock { $0 = ending } }
}
