public import MartletCore

extension OpenAPI {
    /// Merges documents into one. Paths and components that several documents define identically appear once.
    ///
    /// If two services use one name for different schemas, the later schema is prefixed with its service's name, in the
    /// components and in every reference: `Catalog_Address`.
    public static func merged(title: String, version: String, _ documents: [JSONValue]) -> JSONValue {
        var schemas: [(String, JSONValue)] = []
        var free: [JSONValue] = []
        for document in documents {
            let document = withoutClashes(document, known: schemas)
            for member in document["components"]?["schemas"]?.objectValue ?? []
            where !schemas.contains(where: { $0.0 == member.0 }) {
                schemas.append(member)
            }
            free.append(document)
        }
        func union(_ path: [String]) -> JSONValue {
            var members: [(String, JSONValue)] = []
            for document in free {
                let found = path.reduce(document) { $0[$1] ?? [:] }
                for member in found.objectValue ?? [] where !members.contains(where: { $0.0 == member.0 }) {
                    members.append(member)
                }
            }
            return .object(members)
        }
        return [
            "openapi": "3.1.0",
            "info": ["title": .string(title), "version": .string(version)],
            "paths": union(["paths"]),
            "components": [
                "schemas": .object(schemas), "responses": union(["components", "responses"]),
                "headers": union(["components", "headers"]),
                "securitySchemes": union(["components", "securitySchemes"]),
            ],
        ]
    }

    /// Renames the schemas whose names are already taken by different schemas.
    private static func withoutClashes(_ document: JSONValue, known: [(String, JSONValue)]) -> JSONValue {
        var document = document
        // Renaming changes the schemas that refer to a renamed one, which may create new clashes. Each round renames at
        // least one schema, so the loop ends.
        while true {
            let own = document["components"]?["schemas"]?.objectValue ?? []
            let clashing = own.filter { name, schema in known.contains { $0.0 == name && $0.1 != schema } }.map(\.0)
            guard !clashing.isEmpty else { return document }
            let service =
                document["info"]?["title"]?.stringValue?.split(separator: " ").last.map(String.init) ?? "Other"
            var taken = Set(known.map(\.0)).union(own.map(\.0))
            var names: [String: String] = [:]
            for name in clashing {
                var candidate = service.prefix(1).uppercased() + service.dropFirst() + "_" + name
                while !taken.insert(candidate).inserted { candidate += "_" }
                names[name] = candidate
            }
            document = renamed(names, in: document)
        }
    }

    private static func renamed(_ names: [String: String], in document: JSONValue) -> JSONValue {
        .object(
            (document.objectValue ?? []).map { name, part in
                guard name == "components" else { return (name, renamedReferences(names, in: part)) }
                let parts = (part.objectValue ?? []).map { name, part in
                    let part = renamedReferences(names, in: part)
                    guard name == "schemas", let schemas = part.objectValue else { return (name, part) }
                    return (name, .object(schemas.map { (names[$0.0] ?? $0.0, $0.1) }))
                }
                return (name, .object(parts))
            })
    }

    private static func renamedReferences(_ names: [String: String], in value: JSONValue) -> JSONValue {
        let place = "#/components/schemas/"
        switch value {
        case .array(let elements): return .array(elements.map { renamedReferences(names, in: $0) })
        case .object(let members):
            return .object(
                members.map { name, member in
                    if name == "$ref", let reference = member.stringValue, reference.hasPrefix(place),
                        let new = names[String(reference.dropFirst(place.count))]
                    {
                        return (name, .string(place + new))
                    }
                    return (name, renamedReferences(names, in: member))
                })
        default: return value
        }
    }
}
