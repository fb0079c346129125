import Accounts

/// What the person who starts the platform reads on standard output; the log goes to standard error.
enum Greeting {
    /// Called once in the life of a database: the password is nowhere else.
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
            Terminal.print("Martlet is at \(address) - the API is described at \(address)/openapi.json")
            Terminal.print(
                "There is no console: no built one was found. Build it with script/console, and start in that folder or "
                    + "set console_dir.")
            return
        }
        // Whom a gateway lets in that runs apart from the accounts, those know.
        let signIn =
            settings.parts.contains(.accounts) ? "sign in as \(settings.accounts.administratorEmail); " : ""
        Terminal.print("Martlet is at \(address) - \(signIn)the API is at \(address)/docs")
    }
}
