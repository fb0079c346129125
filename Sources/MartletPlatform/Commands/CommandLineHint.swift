import MartletCore

/// A hint for an error in the command line, when the intention is clear.
enum CommandLineHint {
    static func hint(for arguments: [String]) -> String {
        for setting in Composition.current.settings where setting.flag == .none {
            let flag = "--" + setting.key.replacing("_", with: "-")
            if arguments.contains(where: { $0.hasPrefix(flag) }) {
                return ". Every user of the machine can read flags; set \(setting.variable) instead."
            }
        }
        if let first = arguments.dropFirst().first, first.hasPrefix("-") {
            return ". Flags follow a command: \(Composition.current.program) serve \(first)"
        }
        return ""
    }
}
