import ArgumentParser

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `martlet config`: what can be set, and whether what has been set is right.
struct Config: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check or explain the configuration.", subcommands: [Check.self, Keys.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read flags, environment and files as serve would, and say what is wrong.")

        @OptionGroup var options: SettingsOptions

        func run() throws {
            let settings = try Settings(
                options.values, file: options.file, environment: ProcessInfo.processInfo.environment)
            _ = try PlatformProcess.checkGatewayFile(settings)
            let parts = settings.parts.map(\.rawValue).sorted().joined(separator: ", ")
            Terminal.print("The configuration is right: \(parts) on \(settings.listen).")
        }
    }

    struct Keys: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List every key with its meaning.")

        func run() {
            for key in SettingKey.allCases {
                Terminal.print("\(key.rawValue): \(key.form)\n    \(key.variable)\n    \(key.documentation)")
            }
        }
    }
}
