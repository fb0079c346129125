/// For logs: the settings hold passwords, so they never describe themselves with all that they hold.
extension Settings: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "settings of \(parts.map(\.rawValue).sorted().joined(separator: ", ")) on \(listen)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: ["settings": description]) }
}
