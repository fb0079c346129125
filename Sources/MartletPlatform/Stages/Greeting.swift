import MartletTelemetry

/// What the person who starts the platform reads on standard output when it is ready; the log goes to standard error.
enum Greeting {
    /// Standard output may be a pipe that is full: by now there are requests that must not wait for it.
    private static let output = LogWriter(descriptor: 1) { _ in [] }

    /// - Parameter notes: what the services add, such as `sign in as …`.
    static func show(_ address: String, _ notes: [String], hasConsole: Bool) {
        guard hasConsole else {
            print("Martlet is at \(address) - the API is described at \(address)/openapi.json")
            print(
                "There is no console: no built one was found. Build it with script/console, and start in that folder or "
                    + "set console_dir.")
            return
        }
        print("Martlet is at \(address) - " + (notes + ["the API is at \(address)/docs"]).joined(separator: "; "))
    }

    private static func print(_ line: String) { output.write(Array((line + "\n").utf8)) }

    /// Waits until the lines are written, a second at the most.
    static func flush() { output.flush(within: 1) }
}
