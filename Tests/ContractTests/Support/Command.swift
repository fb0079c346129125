/// A command that runs to completion.
struct Command: Sendable {
    let status: Int32
    let standardOutput: String
    let standardError: String

    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs the binary under test.
    static func martlet(
        _ arguments: String..., variables: [String: String] = [:], within limit: Duration = .seconds(20)
    ) async throws -> Command {
        try await run(TestEnvironment.binary(), arguments, variables: variables, within: limit)
    }

    static func run(
        _ executable: String, _ arguments: [String], variables: [String: String] = [:],
        within limit: Duration = .seconds(60)
    ) async throws -> Command {
        let process = try ChildProcess(
            executable, arguments, variables: variables, folder: TemporaryFolder.make("command"))
        do {
            guard case .exited(let status) = try await process.ended(within: limit) else {
                throw Failed(description: "\(executable) \(arguments) was killed by a signal: \(process.standardError)")
            }
            return Command(
                status: status, standardOutput: process.standardOutput, standardError: process.standardError)
        } catch {
            process.send(signal: 9)
            throw error
        }
    }

    /// - Throws: ``Failed`` unless the command succeeds.
    @discardableResult
    func succeeded() throws -> Command {
        guard status == 0 else { throw Failed(description: "status \(status): \(standardError)") }
        return self
    }
}
