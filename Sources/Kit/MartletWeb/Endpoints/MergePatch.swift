import MartletCore

/// A change to some fields of a resource (JSON Merge Patch, RFC 7396): fields that are absent stay as they are, null
/// clears a field that may be null.
///
/// It is checked by the same rules as the whole `Body`, so a `PATCH` needs no declaration beside its `PUT`.
public struct MergePatch<Body: Input>: RouteInput {
    private let changes: [(String, JSONValue)]

    /// The whole new body: the current resource with the changes laid over it.
    /// - Parameter current: the resource as the API shows it, or the body that would make it.
    /// - Throws: ``Problem`` 422 when the result breaks a rule.
    public func applied(to current: some Encodable) throws -> Body {
        let json = try JSONValue(parsing: JSONWriter.bytes(of: current))
        let merged = Self.merge(json, .object(changes))
        return try InputDecoder.decode(Body.self, from: [.init(body: merged)])
    }

    /// Whether the patch speaks of a field.
    public func changes(_ field: String) -> Bool { changes.contains { $0.0.isExactly(field) } }

    public static func bind(to route: RouteShape) -> InputBinding<MergePatch> {
        var description = Body.bind(to: RouteShape(hasBody: true, pathParameters: [])).description
        description.isPartial = true
        return InputBinding(description: description) { parts in
            let body = parts.body ?? .object([])
            _ = try InputDecoder.decode(Body.self, from: [.init(body: body)], isPartial: true)
            return MergePatch(changes: body.objectValue ?? [])
        }
    }

    /// RFC 7396 §2, but null stays null: a field's own type says whether it may be. Looks at each member once.
    static func merge(_ target: JSONValue, _ patch: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch, case .object(var members) = target else { return patch }
        var places = Dictionary(members.indices.map { (MemberName(members[$0].0), $0) }) { first, _ in first }
        for (name, change) in changes {
            if let place = places[MemberName(name)] {
                members[place].1 = merge(members[place].1, change)
            } else {
                places[MemberName(name)] = members.count
                members.append((name, change))
            }
        }
        return .object(members)
    }
}
