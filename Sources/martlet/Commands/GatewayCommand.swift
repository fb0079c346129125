import ArgumentParser
import Gateway

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `martlet gateway`: what concerns the gateway's file.
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Check the gateway's file.", subcommands: [Check.self, Schema.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say everything that is wrong with a file of upstreams and routes, with its line and key.",
            discussion: """
                The file is read beside the upstreams and routes that the gateway has by itself, as the same settings have \
                it with serve; --only gateway has none.
                """)

        @Argument(help: "The YAML file.") var file: String
        @OptionGroup var options: SettingsOptions

        func run() throws {
            var options = self.options
            options.gatewayFile = file
            let settings = try Settings(
                options.values, file: options.file, environment: ProcessInfo.processInfo.environment)
            guard let (routes, upstreams) = try PlatformProcess.checkGatewayFile(settings) else { return }
            func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
            Terminal.print("\(file) is right: \(count(routes, "route")), \(count(upstreams, "upstream")).")
        }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the file's JSON Schema (2020-12), for editors and programs.")

        func run() { Terminal.print(GatewaySchema.text) }
    }
}
