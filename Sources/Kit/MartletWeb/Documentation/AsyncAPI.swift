public import MartletCore
import MartletMessaging

/// Generates AsyncAPI 3.0 documents from the types and rules of events.
public enum AsyncAPI {
    /// The document of all events that services publish.
    public static func document(title: String, version: String, services: [any Service.Type]) -> JSONValue {
        let services = services.filter { !$0.events.isEmpty }
        var components = Components()
        let attributes = components.reference("CloudEvent", CloudEventAttributes.schema)
        var messages: [(String, JSONValue)] = []
        for event in services.flatMap({ $0.events }) {
            let described = message(event, attributes, &components)
            messages.append((key(event.type), withReferencesAlone(described)))
        }
        let schemas = components.schemas.map { ($0.0, withReferencesAlone($0.1)) }
        return [
            "asyncapi": "3.0.0",
            "info": [
                "title": .string(title), "version": .string(version),
                "description": """
                What the services tell each other, as [CloudEvents 1.0](https://cloudevents.io). In Redis, a channel is a \
                stream, the attributes are the fields of an entry, and the field `data` holds the payload as JSON. Events \
                arrive at least once; those of one subject arrive in order.
                """,
            ],
            "defaultContentType": "application/json",
            "channels": .object(services.map { ($0.name, channel($0)) }),
            "operations": .object(services.map { ("publish_\($0.name)", operation($0)) }),
            "components": ["messages": .object(messages), "schemas": .object(schemas)],
        ]
    }

    /// The stream of a service's events in Redis.
    private static func address(of service: String) -> String { Envelope.stream(of: service) }

    /// Keys have letters, digits, `_` and `-` in every tool. No type has a `-`.
    private static func key(_ type: String) -> String { type.replacing(".", with: "-") }

    private static func channel(_ service: any Service.Type) -> JSONValue {
        [
            "address": .string(address(of: service.name)),
            "title": .string(sentence(service.name)),
            "description": .string(service.summary),
            "messages": .object(
                service.events.map { (key($0.type), ["$ref": .string("#/components/messages/\(key($0.type))")]) }),
        ]
    }

    private static func operation(_ service: any Service.Type) -> JSONValue {
        [
            "action": "send",
            "summary": .string("\(sentence(service.name)) publishes its events."),
            "channel": ["$ref": .string("#/channels/\(service.name)")],
            "messages": .array(
                service.events.map { ["$ref": .string("#/channels/\(service.name)/messages/\(key($0.type))")] }),
        ]
    }

    private static func message<E: Event>(
        _ event: E.Type, _ attributes: JSONValue, _ components: inout Components
    ) -> JSONValue {
        var writer = JSONSchema(.event, components)
        let payload = writer.of(Schema.of(event), rule: nil)
        components = writer.components
        let headers: JSONValue = [
            "type": "object",
            "properties": ["type": ["const": .string(E.type)], "dataversion": ["const": .string("\(E.version)")]],
            "allOf": [attributes],
        ]
        var members: [(String, JSONValue)] = [
            ("name", .string(E.type)), ("title", .string(sentence(String(E.type.dropFirst(E.source.count + 1))))),
        ]
        if !E.summary.isEmpty { members.append(("summary", .string(E.summary))) }
        return .object(
            members + [("contentType", "application/json"), ("headers", headers), ("payload", payload)])
    }

    /// `user_registered` becomes `User registered`.
    private static func sentence(_ name: String) -> String {
        name.prefix(1).uppercased() + name.dropFirst().replacing("_", with: " ")
    }

    /// In AsyncAPI, members beside a `$ref` are ignored. They move next to an `allOf` with the reference.
    private static func withReferencesAlone(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): return .array(elements.map(withReferencesAlone))
        case .object(let members):
            let members = members.map { ($0.0, withReferencesAlone($0.1)) }
            guard members.count > 1, let reference = members.first(where: { $0.0 == "$ref" && $0.1.stringValue != nil })
            else { return .object(members) }
            return .object([("allOf", [.object([reference])])] + members.filter { $0.0 != "$ref" })
        default: return value
        }
    }
}

/// The attributes of CloudEvents 1.0 that events have, and Martlet's extensions.
private enum CloudEventAttributes {
    static let schema: JSONValue = [
        "type": "object",
        "description": "The attributes of CloudEvents 1.0, and extensions. All values are texts.",
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "dataversion"],
        "properties": [
            "specversion": ["const": "1.0", "description": "The version of CloudEvents."],
            "id": text("The id of the event. Two deliveries with one id are one event."),
            "source": text("The publishing service."),
            "type": text("The service, and what has happened."),
            "subject": text("What the event is about, such as `users/7`."),
            "time": ["type": "string", "format": "date-time", "description": "When it happened."],
            "datacontenttype": ["const": "application/json", "description": "The format of the payload."],
            "dataversion": number("The version of the payload. A new version may have lost or changed members."),
            "sequence": number("The number of the event among those of its subject, from 1, without gaps."),
            "traceparent": text("The span that has published the event (W3C Trace Context)."),
            "requestid": text("The id of the request that has caused the event."),
        ],
    ]

    private static func text(_ description: String) -> JSONValue {
        ["type": "string", "minLength": 1, "description": .string(description)]
    }

    private static func number(_ description: String) -> JSONValue {
        ["type": "string", "pattern": "^[1-9][0-9]*$", "description": .string(description)]
    }
}
