public import ArgumentParser
package import MartletMessaging
public import MartletWeb
import NIOCore
import NIOPosix

/// A platform in one binary: the gateway and a list of services.
public enum Martlet {
    public static let version = "0.1.0"

    /// Runs the command line of a platform. Returns after success; any failure ends the process.
    ///
    /// ```swift
    /// @main enum Program {
    ///     static func main() async {
    ///         await Martlet.main("shop", services: MartletServices.all + [ReviewsService.self])
    ///     }
    /// }
    /// ```
    ///
    /// An invalid flag, key or file ends the process with status 2 and one line for each error, before anything starts.
    /// A later failure ends it with status 1.
    /// - Parameters:
    ///   - program: the name of the command.
    ///   - services: the services of the platform, in the order of help and documentation. One of them issues tokens.
    ///   - commands: commands in addition to `serve`, `config` and `gateway`.
    public static func main(
        _ program: String = "martlet", services: [any Service.Type],
        commands: [any (ParsableCommand & SendableMetatype).Type] = []
    ) async {
        await run(Composition(program: program, services: services, commands: commands))
    }

    /// Like ``main(_:services:commands:)``, with other times of events and jobs: for tests, which do not wait as long.
    package static func main(
        _ program: String, services: [any Service.Type], messaging options: MessagingOptions
    ) async {
        await run(Composition(program: program, services: services, commands: [], messaging: options))
    }

    private static func run(_ composition: Composition) async {
        NIOSingletons.groupLoopCountSuggestion = availableProcessors()
        // Run tasks on the event loops, so that a request does not change threads between its socket and its handler.
        // Long computations, such as password hashing, have their own threads.
        NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
        Composition.install(composition)
        do {
            try Composition.current.validate()
            var command = try RootCommand.parsed()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as UsageError {
            Terminal.fail(error.lines, status: 2)
        } catch  where RootCommand.isOwn(error) {
            RootCommand.exit(withError: error)
        } catch {
            Terminal.fail(["\(error)"], status: 1)
        }
    }
}

/// The command line: the commands of the platform and of the program.
struct RootCommand: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        let composition = Composition.current
        return CommandConfiguration(
            commandName: composition.program, abstract: "A microservice web-application platform in one binary.",
            version: Martlet.version,
            subcommands: [Serve.self, Config.self, GatewayCommand.self, Jobs.self, Events.self] + composition.commands)
    }
}

extension RootCommand {
    /// Parses the command line of the process.
    /// - Throws: ``UsageError``; ArgumentParser's own error for help and `--version`.
    fileprivate static func parsed() throws -> any ParsableCommand {
        do {
            return try parseAsRoot()
        } catch  where exitCode(for: error) != .success {
            throw UsageError(message(for: error) + CommandLineHint.hint(for: CommandLine.arguments))
        }
    }

    /// Whether the error is one of ArgumentParser's own, which define how the process ends.
    fileprivate static func isOwn(_ error: any Error) -> Bool {
        error is ExitCode || error is ValidationError || exitCode(for: error) == .success
    }
}

/// An invalid flag, key or file. Each line describes one error.
package struct UsageError: Error {
    package let lines: [String]

    package init(_ lines: [String]) { self.lines = lines }
    package init(_ line: String) { lines = [line] }
}

/// A failure with valid settings.
package struct Failure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
