import MartletCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What is wrong with one value; the key is put before it.
struct SettingMistake: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The forms of values that several settings share.
enum SettingValue {
    static func nonEmpty(_ text: String) throws -> String {
        guard !text.isEmpty else { throw SettingMistake("must not be empty") }
        return text
    }

    /// A path, with the home folder in the place of a `~` at its beginning: a shell puts it there only where a word begins.
    static func path(_ text: String) throws -> String {
        let text = try nonEmpty(text)
        guard text.hasPrefix("~") else { return text }
        guard text == "~" || text.hasPrefix("~/") else {
            throw SettingMistake("'\(text)': only ~/ is expanded; write the whole path of another home folder")
        }
        guard let home = ProcessInfo.processInfo.environment["HOME"], home.hasPrefix("/") else {
            throw SettingMistake("'\(text)': there is no HOME in the environment; write the whole path")
        }
        return home + text.dropFirst()
    }

    static func integer(_ text: String, _ range: ClosedRange<Int>, _ unit: String? = nil) throws -> Int {
        guard let value = Int(text), range.contains(value) else {
            let kind = unit.map { "a number of \($0)" } ?? "an integer"
            throw SettingMistake("'\(text)' is not \(kind) from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    static func list(_ text: String) throws -> [String] {
        let parts = text.split(separator: ",").map(\.trimmed)
        guard !parts.isEmpty else { throw SettingMistake("must not be empty") }
        return parts
    }

    /// - Parameter example: what a pair looks like.
    static func pair(_ text: String, _ example: String) throws -> (String, String) {
        guard let equals = text.firstIndex(of: "=") else {
            throw SettingMistake("'\(text.withoutUserinfo)' must be name=URL, such as \(example)")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    /// Where to listen. What people write instead of it is told the right form.
    static func listener(_ text: String) throws -> Endpoint {
        if Int(text) != nil { throw SettingMistake("'\(text)' has no host; write 127.0.0.1:\(text), or set port") }
        if text.hasPrefix(":") {
            throw SettingMistake("'\(text)' has no host; write 127.0.0.1\(text), or 0.0.0.0\(text) for all addresses")
        }
        if text.hasPrefix("https://") {
            throw SettingMistake("'\(text)': write host:port; TLS is set by the certificates of the gateway's file")
        }
        return try Endpoint(text)
    }
}

extension Settings {
    /// A path that is no setting, or is read before them.
    /// - Parameter name: what a complaint begins with.
    /// - Throws: ``UsageError``.
    static func path(_ text: String, of name: String) throws(UsageError) -> String {
        do { return try SettingValue.path(text) } catch { throw UsageError("\(name): \(error)") }
    }
}

extension Endpoint {
    var host: String {
        if case .tcp(let host, _) = self { host } else { "127.0.0.1" }
    }
}
