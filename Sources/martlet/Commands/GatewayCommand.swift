import ArgumentParser
import Gateway

/// `martlet gateway`: what concerns the gateway's file.
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Check the gateway's file.", subcommands: [Check.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say everything that is wrong with a file of upstreams and routes, with its line and key.")

        @Argument(help: "The YAML file.") var file: String

        func run() throws {
            let configuration = try GatewayFileWatcher.read(file, over: GatewayConfiguration())
            let (routes, upstreams) = (configuration.routes.count, configuration.upstreams.count)
            Terminal.print("\(file) is right: \(routes) routes, \(upstreams) upstreams.")
        }
    }
}
