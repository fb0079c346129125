/// Settings can contain passwords, so their descriptions omit the values.
extension Settings: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        "settings of \(process.parts.map(\.name).sorted().joined(separator: ", ")) on \(process.listen)"
    }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["settings": description]) }
}

extension DataSettings: CustomStringConvertible, CustomReflectable {
    package var description: String { "data in \(folder)" }
    package var customMirror: Mirror { Mirror(self, children: ["settings": description]) }
}

extension TelemetrySettings: CustomStringConvertible, CustomReflectable {
    var description: String { "logs from \(logLevel)" }
    var customMirror: Mirror { Mirror(self, children: ["settings": description]) }
}
