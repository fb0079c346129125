import MartletCore

/// A change to some fields of a resource (JSON Merge Patch, RFC 7396). Absent fields are left unchanged; null clears a
/// field that may be null.
///
/// The rules of `Body` apply to the patch too, so a `PATCH` needs no declaration beyond that of its `PUT`.
public struct MergePatch<Body: Input>: RouteInput {
    private let changes: [(String, JSONValue)]

    /// Returns the complete new body: the current resource with the changes applied.
    /// - Parameter current: the resource as the API returns it, or a body that would create it.
    /// - Throws: ``Problem`` 422 when the result breaks a rule.
    public func applied(to current: some Encodable) throws -> Body {
        let json = try JSONValue(parsing: JSONWriter.bytes(of: current))
        let merged = Self.merge(json, .object(changes))
        return try InputDecoder.decode(Body.self, from: [.init(body: merged)])
    }

    /// Whether the patch contains a field.
    public func changes(_ field: String) -> Bool { changes.contains { $0.0.isExactly(field) } }

    public static func bind(to route: RouteShape) -> InputBinding<MergePatch> {
        var description = Body.bind(to: RouteShape(hasBody: true, pathParameters: [])).description
        guard description.headers.isEmpty else {
            preconditionFailure("\(Body.self) has fields from headers, which a merge patch cannot change")
        }
        description.isPartial = true
        return InputBinding(description: description) { parts in
            let body = parts.body ?? .object([])
            _ = try InputDecoder.decode(Body.self, from: [.init(body: body)], isPartial: true)
            return MergePatch(changes: body.objectValue ?? [])
        }
    }

    /// Merges as in RFC 7396 §2, but keeps null: the field's type decides whether it is valid. Visits each member once.
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
