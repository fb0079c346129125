public import MartletCore

/// Something that has happened in a service, for other services to hear.
///
/// Its stored properties are the payload: a JSON object with `snake_case` members. Payloads only grow optional properties; a
/// change that older readers cannot decode needs a new ``version``. The ``Described/rules`` describe them in the AsyncAPI
/// document; payloads are not checked against them.
public protocol Event: Codable, Sendable, Described {
    /// The publishing service and what happened, in the past tense: `accounts.user_registered` (the `type` of CloudEvents).
    static var type: String { get }
    /// What has happened, as sentences in the AsyncAPI document. Default: none.
    static var summary: String { get }
    /// The version of the payload. Default: 1.
    static var version: Int { get }
    /// Whether a program that is not a service of the platform publishes the event. Default: `false`.
    static var isPublishedOutside: Bool { get }
    /// What the event is about: `users/7`. Events of one subject arrive in the order in which they were emitted.
    var subject: String { get }

    /// Converts a payload of an earlier version to this one.
    /// - Throws: any error, which counts as a failed delivery.
    static func upgrade(_ payload: JSONValue, from version: Int) throws -> JSONValue
}

extension Event {
    public static var summary: String { "" }
    public static var rules: Rules { .none }
    public static var version: Int { 1 }
    public static var isPublishedOutside: Bool { false }
    public static func upgrade(_ payload: JSONValue, from version: Int) throws -> JSONValue { payload }

    /// The service that publishes the event: the part of ``type`` before the first dot.
    public static var source: String { String(type.prefix { $0 != "." }) }
}

/// Work that a service does later, in the background.
///
/// Its stored properties are the arguments: a JSON object with `snake_case` members, which follows the rules of ``Event``.
public protocol Job: Codable, Sendable {
    /// The name of the work, unique in its service. Default: the type's name in snake case, `send_welcome`.
    static var kind: String { get }
    /// The version of the arguments. Default: 1.
    static var version: Int { get }

    /// Converts arguments of an earlier version to this one.
    /// - Throws: any error, which counts as a failed attempt.
    static func upgrade(_ arguments: JSONValue, from version: Int) throws -> JSONValue
}

extension Job {
    public static var kind: String { String(describing: Self.self).snakeCased }
    public static var version: Int { 1 }
    public static func upgrade(_ arguments: JSONValue, from version: Int) throws -> JSONValue { arguments }
}
