import Foundation
import MartletTesting
import Synchronization

/// A child process whose output is written to files.
final class ChildProcess: Sendable {
    let pid: Int32
    private let folder: String
    private let exited: Exit

    /// - Parameters:
    ///   - folder: the folder for the output.
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
        // A process that ends at once may be unregistered before it is registered. Then unregister it again.
        Reaper.shared.watch(process: pid)
        if exited.now != nil { Reaper.shared.forget(process: pid) }
    }

    enum Ending: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    /// How the process ended; nil while it runs.
    var ending: Ending? { exited.now }

    /// The processor time it has used so far (proc(5): fields 14 and 15 of `stat`, in hundredths of a second).
    var processorTime: Duration {
        get throws {
            let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            // The second field is the name, which may have blanks, in parentheses.
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            guard fields.count > 13, let user = Int(fields[12]), let system = Int(fields[13]) else { return .zero }
            return .milliseconds((user + system) * 10)
        }
    }

    func send(signal: Int32) { if ending == nil { kill(pid, signal) } }

    func ended(within limit: Duration = .seconds(20)) async throws -> Ending {
        try await eventually("the end of process \(pid)", within: limit) { self.ending }
    }

    /// Terminates the process, and kills it if it does not end.
    func stop() async throws {
        send(signal: SIGTERM)
        do {
            _ = try await ended()
        } catch {
            send(signal: SIGKILL)
            throw error
        }
    }

    /// The output so far.
    var standardOutput: String { Self.text(folder + "/stdout") }
    var standardError: String { Self.text(folder + "/stderr") }

    /// Opens a file for appending, so that the next process in the same folder continues it.
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
