import ArgumentParser

/// `martlet serve`: runs all parts in one process, or those in `--only`.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the platform, or a part of it.")

    @OptionGroup var options: SettingOptions<AllSettings>

    func run() async throws {
        try await PlatformProcess(Settings(options), .current).run()
    }
}
