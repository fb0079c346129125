import ArgumentParser
import MartletCore

/// `martlet config`: lists the settings and checks their values.
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check or explain the configuration.", subcommands: [Check.self, Keys.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read flags, environment and files as serve does, and report every error.")

        @OptionGroup var options: SettingOptions<AllSettings>

        func run() throws {
            let settings = try Settings(options)
            if settings.process.runsGateway { _ = try ConsoleFolder.required(settings.edge.consoleDirectory) }
            _ = try GatewayStage.checkFile(settings, .current)
            let parts = settings.process.parts.map(\.name).sorted().joined(separator: ", ")
            Terminal.print("The configuration is valid: \(parts) on \(settings.process.listen).")
        }
    }

    struct Keys: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List every key with its meaning.")

        @ArgumentParser.Flag(help: "Print a Markdown table.") var markdown = false

        func run() {
            let settings = Composition.current.settings
            if markdown { Terminal.print(Self.header) }
            for setting in settings { Terminal.print(markdown ? Self.row(setting) : Self.text(setting)) }
        }

        private static func text(_ setting: Setting) -> String {
            "\(setting.key): \(setting.form)\n    \(setting.variable)\n    \(setting.documentation)"
        }

        private static let header = "| key | value | meaning | default |\n| --- | --- | --- | --- |"

        private static func row(_ setting: Setting) -> String {
            let form = setting.form.replacing("|", with: "\\|")
            return "| `\(setting.key)` | `\(form)` | \(setting.meaning) | \(setting.defaultText ?? "") |"
        }
    }
}
