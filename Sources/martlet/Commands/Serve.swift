import ArgumentParser

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `martlet serve`: everything in one process, or with `--only` a part of it.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the platform, or a part of it.")

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let settings = try Settings(
            options.values, file: options.file, environment: ProcessInfo.processInfo.environment)
        try await PlatformProcess(settings).run()
    }
}
