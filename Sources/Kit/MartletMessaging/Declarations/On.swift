public import MartletData

/// Declares what a service does when it hears an event: `On(UserRegistered.self, use: createStatistics)`.
///
/// The handler runs in a transaction that also ends the delivery, so its effects, and the events it emits, happen once. It
/// does no other I/O: on SQLite it holds the only writer. For more, it enqueues a job. The events of one subject arrive one
/// after the other, in order; one that fails is tried again and blocks the later ones of its subject only.
public struct On<E: Event>: JobDeclaration {
    public var kind: JobKind
    let event: any Event.Type = E.self

    public init(
        _ type: E.Type = E.self, use handler: @escaping @Sendable (E, Delivery, any Connection) async throws -> Void
    ) {
        kind = JobKind(
            name: E.type, version: E.version, queue: "events", attempts: 20,
            body: .delivery { delivery, connection in
                let event = try Payload.decode(E.self, from: delivery.job.data, version: delivery.job.version)
                try await handler(event, delivery, connection)
            })
        // A program that does not number its events cannot have them ordered.
        kind.isUnordered = E.isPublishedOutside
    }

    /// Delivers events as they come, several of one subject at once.
    public var unordered: On { with { $0.isUnordered = true } }
}

/// A declared handler, with the event that it handles.
public struct Handler: Sendable {
    let event: any Event.Type
    let kind: JobKind

    /// The type of the event: `accounts.user_registered`.
    public var type: String { kind.name }
    /// Whether a program that is not a service of the platform publishes the event.
    public var isFromOutside: Bool { event.isPublishedOutside }
}

@resultBuilder
public enum HandlerBuilder {
    public static func buildExpression<E: Event>(_ handler: On<E>) -> [Handler] {
        [Handler(event: handler.event, kind: handler.kind)]
    }
    public static func buildBlock(_ parts: [Handler]...) -> [Handler] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [Handler]?) -> [Handler] { part ?? [] }
}
