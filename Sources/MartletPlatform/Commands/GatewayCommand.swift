import ArgumentParser
import Gateway

/// `martlet gateway`: checks and describes the gateway's file.
struct GatewayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway", abstract: "Check the gateway's file.", subcommands: [Check.self, Schema.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Report every error in a file of upstreams and routes, with its line and key.",
            discussion: """
                The file is checked together with the gateway's own upstreams and routes, which depend on the settings \
                as with serve. --only gateway has none.
                """)

        @Argument(help: "The YAML file.") var file: String
        @OptionGroup var options: SettingOptions<AllSettings>

        func run() throws {
            var options = options
            options["gateway_file"] = file
            guard let (routes, upstreams) = try GatewayStage.checkFile(Settings(options), .current) else { return }
            let counts = [Terminal.count(routes, "route"), Terminal.count(upstreams, "upstream")]
            Terminal.print("\(file) is valid: \(counts.joined(separator: ", ")).")
        }
    }

    struct Schema: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the file's JSON Schema (2020-12), for editors and programs.")

        func run() { Terminal.print(GatewaySchema.text) }
    }
}
