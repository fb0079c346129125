/// What is added to a complaint about the command line where it is known what was meant.
enum CommandLineHint {
    static func hint(for arguments: [String]) -> String {
        if arguments.contains(where: { $0.hasPrefix("--admin-password") }) {
            return ". Every user of the machine can see flags: set \(SettingKey.adminPassword.variable) instead."
        }
        if let first = arguments.dropFirst().first, first.hasPrefix("-") {
            return ". Flags follow a command: martlet serve \(first)"
        }
        return ""
    }
}
