import ArgumentParser
import Gateway

/// `martlet gateway`: what concerns the gateway's file.
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Check the gateway's file.", subcommands: [Check.self, Schema.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say everything that is wrong with a file of upstreams and routes, with its line and key.")

        @Argument(help: "The YAML file.") var file: String

        func run() throws {
            let configuration = try GatewayFileWatcher.read(file, over: GatewayConfiguration()).configuration
            let (routes, upstreams) = (configuration.routes.count, configuration.upstreams.count)
            Terminal.print("\(file) is right: \(routes) routes, \(upstreams) upstreams.")
        }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the file's JSON Schema (2020-12), for editors and programs.")

        func run() { Terminal.print(GatewaySchema.text) }
    }
}
