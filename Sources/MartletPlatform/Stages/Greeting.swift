import MartletTelemetry

/// The lines on standard output when the platform is ready. The log goes to standard error.
enum Greeting {
    /// Standard output may be a full pipe, and requests are already running and must not wait for it.
    private static let output = LogWriter(descriptor: 1) { _ in [] }

    /// - Parameter notes: the lines of the services, such as `sign in as …`.
    static func show(_ address: String, _ notes: [String], hasConsole: Bool) {
        guard hasConsole else {
            print("Martlet is at \(address) - the API is described at \(address)/openapi.json")
            print(
                "No console was found. Build it with script/console, then start in that folder or set console_dir.")
            return
        }
        print("Martlet is at \(address) - " + (notes + ["the API is at \(address)/docs"]).joined(separator: "; "))
    }

    /// Prints a line of a service. It waits in memory while standard output is a full pipe.
    @Sendable static func announce(_ line: String) { print(line) }

    private static func print(_ line: String) { output.write(Array((line + "\n").utf8)) }

    /// Waits until the lines are written, for at most a second.
    static func flush() { output.flush(within: 1) }
}
