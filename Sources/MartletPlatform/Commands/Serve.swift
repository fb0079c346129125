import ArgumentParser

/// `martlet serve`: everything in one process, or with `--only` a part of it.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the platform, or a part of it.")

    @OptionGroup var options: SettingOptions<AllSettings>

    func run() async throws {
        try await PlatformProcess(Settings(options), .current).run()
    }
}
