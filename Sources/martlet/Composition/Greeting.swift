import Accounts
import MartletTelemetry

/// What the person who starts the platform reads on standard output; the log goes to standard error.
enum Greeting {
    /// Standard output may be the log's pipe, which may be full: by now there are requests that must not wait for it.
    private static let output = LogWriter(descriptor: 1) { _ in [] }

    /// Called once in the life of a database, before anything is served: the password is nowhere else.
    @Sendable static func announce(_ administrator: FirstAdministrator) {
        if let password = administrator.generatedPassword {
            Terminal.print("The first administrator is \(administrator.email), with the password \(password)")
            Terminal.print("It is shown this once. Change it in your profile.")
        } else {
            Terminal.print("The first administrator is \(administrator.email), with the password that was given.")
        }
    }

    static func show(_ address: String, settings: Settings) {
        guard ConsoleFolder.find(settings.consoleDirectory) != nil else {
            print("Martlet is at \(address) - the API is described at \(address)/openapi.json")
            print(
                "There is no console: no built one was found. Build it with script/console, and start in that folder or "
                    + "set console_dir.")
            return
        }
        // Whom a gateway lets in that runs apart from the accounts, those know.
        let signIn =
            settings.parts.contains(.accounts) ? "sign in as \(settings.accounts.administratorEmail); " : ""
        print("Martlet is at \(address) - \(signIn)the API is at \(address)/docs")
    }

    private static func print(_ line: String) { output.write(Array((line + "\n").utf8)) }

    /// Waits until it is written, a second at the most.
    static func flush() { output.flush(within: 1) }
}
