import MartletCore
import MartletMessaging

/// Source has counted. Its numbers have no gaps within a subject, and arrive in order.
struct Counted: Event {
    static let type = "source.counted"
    static var version: Int { Environment.version }

    let subject: String
    let number: Int64
    /// What is counted. Since version 2.
    let unit: String?

    /// Version 1 counted pieces.
    static func upgrade(_ payload: JSONValue, from version: Int) throws -> JSONValue {
        .object((payload.objectValue ?? []).filter { $0.0 != "unit" } + [("unit", "pieces")])
    }
}

/// Source has counted, for those to whom the order does not matter.
struct Noticed: Event {
    static let type = "source.noticed"

    let subject: String
    let number: Int64
}

/// Sink has heard a number that is divisible by ten.
struct Echoed: Event {
    static let type = "sink.echoed"

    let subject: String
    let number: Int64
}
