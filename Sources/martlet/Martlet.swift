import ArgumentParser
import NIOCore
import NIOPosix

/// The one binary. What it is told wrongly it says in one line, with exit status 2, before anything has started.
@main
struct Martlet: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "martlet", abstract: "A microservice web-application platform in one binary.", version: version,
        subcommands: [Serve.self, Config.self, GatewayCommand.self, Import.self])

    static func main() async {
        NIOSingletons.groupLoopCountSuggestion = availableProcessors()
        // Tasks run on the event loops: a request then crosses no threads between its socket and its handler.
        // What computes for long (password hashing) has threads of its own.
        NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as UsageError {
            Terminal.fail(error.lines, status: 2)
        } catch let error as Failure {
            Terminal.fail([error.description], status: 1)
        } catch {
            // ArgumentParser's own: help and --version end with 0, everything else was told wrongly.
            guard exitCode(for: error) != .success else { exit(withError: error) }
            Terminal.fail([message(for: error) + CommandLineHint.hint(for: CommandLine.arguments)], status: 2)
        }
    }
}

/// A flag, key or file that is wrong: each line names one.
struct UsageError: Error {
    let lines: [String]

    init(_ lines: [String]) { self.lines = lines }
    init(_ line: String) { lines = [line] }
}

/// What went wrong after everything had been told rightly.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
