import MartletCore

/// Encodes traces in the JSON form of the OpenTelemetry Protocol (OTLP 1.x, `ExportTraceServiceRequest`).
public enum OTLP {
    /// The body of `POST /v1/traces`.
    public static func traces(_ spans: [Span], version: String) -> [UInt8] {
        let services = Dictionary(grouping: spans, by: \.service).sorted { $0.key < $1.key }
        let resources = services.map { service, spans -> JSONValue in
            [
                "resource": [
                    "attributes": .array([
                        attribute("service.name", .string(service)), attribute("service.version", .string(version)),
                        attribute("service.namespace", "martlet"),
                    ])
                ],
                "scopeSpans": [["scope": ["name": "martlet"], "spans": .array(spans.map(span))]],
            ]
        }
        return (["resourceSpans": .array(resources)] as JSONValue).bytes
    }

    private static func span(_ span: Span) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("traceId", .string(span.context.traceIDText)), ("spanId", .string(span.context.spanIDText)),
        ]
        if let parent = span.parentID { members.append(("parentSpanId", .string(Hexadecimal.text(parent)))) }
        // Protobuf's JSON writes 64-bit integers as strings. Kind 2 is a server span; status code 2 is an error.
        members += [
            ("name", .string(span.name)), ("kind", 2), ("startTimeUnixNano", .string(String(span.start))),
            ("endTimeUnixNano", .string(String(span.end))),
            ("attributes", .array(span.attributes.map { attribute($0.name, $0.value) })),
            ("status", span.isError ? ["code": 2] : [:]),
        ]
        return .object(members)
    }

    private static func attribute(_ name: String, _ value: JSONValue) -> JSONValue {
        let typed: JSONValue =
            switch value {
            case .bool: ["boolValue": value]
            case .number(let text): ["intValue": .string(text)]
            default: ["stringValue": value]
            }
        return ["key": .string(name), "value": typed]
    }
}
