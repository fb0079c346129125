import Foundation
import MartletTesting

/// A process whose standard error is a pipe that is never read.
final class ProcessWithoutReader {
    private let process = Process()
    /// The pipe, held open but never read.
    private let pipe = Pipe()

    init(_ executable: String, _ arguments: [String], variables: [String: String] = [:]) throws {
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.environment = TestEnvironment.cleanVariables.merging(variables) { _, own in own }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = pipe
        try process.run()
        Reaper.shared.watch(process: process.processIdentifier)
    }

    var isRunning: Bool { process.isRunning }
    func terminate() { process.terminate() }

    /// - Throws: ``TimedOut`` if the process does not end in time; it is then killed.
    func ended(within limit: Duration) async throws {
        let pid = process.processIdentifier
        do {
            try await eventually("the end of process \(pid)", within: limit) { !process.isRunning }
            Reaper.shared.forget(process: pid)
        } catch {
            kill(pid, SIGKILL)
            throw error
        }
    }
}
