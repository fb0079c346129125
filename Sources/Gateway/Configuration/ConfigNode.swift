import MartletCore
import NIOCore
import Yams

/// What is wrong with a file, all of it: reading goes on after each.
final class ConfigErrors {
    private(set) var lines: [(line: Int, text: String)] = []
    /// Every mapping that was read, with the keys that it may have; nil where they are names.
    var mappings: [(path: String, keys: [String]?)] = []

    func add(_ node: Yams.Node, _ path: String, _ text: String) {
        lines.append((node.mark?.line ?? 0, path.isEmpty ? text : "\(path): \(text)"))
    }

    /// - Throws: ``GatewayFileError`` with all of them, in the order of the file, if there are any.
    func complain(about name: String) throws(GatewayFileError) {
        guard !lines.isEmpty else { return }
        let sorted = lines.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
        throw GatewayFileError(sorted.map { "\(name):\($0.element.line): \($0.element.text)" })
    }
}

/// A value of a YAML file, with the key it stands under. What is not as it should be is reported and left out.
struct ConfigNode {
    let node: Yams.Node
    let path: String
    let errors: ConfigErrors

    var isScalar: Bool { if case .scalar = node { true } else { false } }

    func fail(_ text: String) { errors.add(node, path, text) }

    /// Reports why what stands here cannot be used.
    /// - Returns: whether it can.
    @discardableResult
    func verify(_ use: () throws(GatewayError) -> Void) -> Bool {
        do throws(GatewayError) {
            try use()
            return true
        } catch {
            // The path says already what such a text begins with: `routes: …`.
            let text = error.description
            let place = text.prefix { $0.isLowercase || $0 == "_" }
            fail(
                !place.isEmpty && text[place.endIndex...].hasPrefix(": ")
                    ? String(text.dropFirst(place.count + 2)) : text)
            return false
        }
    }

    /// The members of a mapping.
    /// - Parameter keys: those that may be there; nil for a mapping whose keys are names.
    func mapping(_ keys: [String]? = nil) -> ConfigMapping? {
        errors.mappings.append((path, keys))
        guard case .mapping(let mapping) = node else {
            fail("must be a mapping")
            return nil
        }
        var members: [(String, ConfigNode)] = []
        var empty: Set<String> = []
        for (key, value) in mapping {
            guard let name = key.string else {
                errors.add(key, path, "a key must be a text")
                continue
            }
            if name.first == YAMLText.again {
                let name = String(name.drop { $0 == YAMLText.again })
                errors.add(key, path.isEmpty ? name : "\(path).\(name)", "comes again below")
                continue
            }
            let member = ConfigNode(node: value, path: path.isEmpty ? name : "\(path).\(name)", errors: errors)
            if let keys, !keys.contains(name) {
                errors.add(key, member.path, "there is no such key; there are \(keys.joined(separator: ", "))")
                continue
            }
            // Who comments out all that a policy says must not be left without the policy.
            guard value.null == nil else {
                errors.add(key, member.path, "is empty")
                empty.insert(name)
                continue
            }
            members.append((name, member))
        }
        return ConfigMapping(owner: self, members: members, empty: empty)
    }

    /// A member, or nil where there is none; nothing is reported.
    func member(_ name: String) -> ConfigNode? {
        guard case .mapping(let mapping) = node, let value = mapping[name], value.null == nil else { return nil }
        return ConfigNode(node: value, path: path.isEmpty ? name : "\(path).\(name)", errors: errors)
    }

    /// The values of a mapping, of whatever names; nothing is reported.
    var values: [ConfigNode] {
        guard case .mapping(let mapping) = node else { return [] }
        return mapping.keys.compactMap { $0.string.flatMap(member) }
    }

    /// The elements of a list; nothing is reported.
    var elements: [ConfigNode] {
        guard case .sequence(let sequence) = node else { return [] }
        return sequence.enumerated().map { ConfigNode(node: $1, path: "\(path)[\($0)]", errors: errors) }
    }

    func list() -> [ConfigNode] {
        guard case .sequence(let sequence) = node else {
            fail("must be a list")
            return []
        }
        return sequence.enumerated().compactMap { index, node in
            let element = ConfigNode(node: node, path: "\(path)[\(index)]", errors: errors)
            guard node.null == nil else {
                element.fail("is empty")
                return nil
            }
            return element
        }
    }

    func text() -> String? {
        guard case .scalar(let scalar) = node else {
            fail("must be a text")
            return nil
        }
        return scalar.string
    }

    func texts() -> [String] { list().compactMap { $0.text() } }

    /// A mapping of names to texts.
    func dictionary() -> [String: String] {
        var result: [String: String] = [:]
        for (name, value) in mapping()?.members ?? [] { result[name] = value.text() }
        return result
    }

    func integer(_ range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let scalar) = node, let value = Int(scalar.string), range.contains(value) else {
            fail("must be an integer from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    /// A number from 0 to 1.
    func fraction() -> Double? {
        guard let text = node.scalar?.string, let value = Double(text), (0...1).contains(value) else {
            fail("must be a number from 0 to 1")
            return nil
        }
        return value
    }

    func bool() -> Bool? {
        switch node.scalar?.string {
        case "true": return true
        case "false": return false
        default:
            fail("must be true or false")
            return nil
        }
    }

    func choice<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> Value? where Value.RawValue == String {
        guard let text = node.scalar?.string, let value = Value(rawValue: text) else {
            fail("must be one of \(Value.allCases.map(\.rawValue).joined(separator: ", "))")
            return nil
        }
        return value
    }

    /// `500ms`, `5s`, `2m`, `1h`, `1d`.
    func duration(_ range: ClosedRange<TimeAmount> = .milliseconds(1)...(.hours(24 * 366))) -> TimeAmount? {
        let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        guard let text = node.scalar?.string,
            let unit = units.first(where: { text.hasSuffix($0.0) && text.dropLast($0.0.count).last?.isNumber == true }),
            let count = Int64(text.dropLast(unit.0.count)), count >= 0, count < 1_000_000_000,
            range.contains(.milliseconds(count * unit.1))
        else {
            fail("must be a duration such as 500ms, 5s, 2m or 1h")
            return nil
        }
        return .milliseconds(count * unit.1)
    }

    /// `1024`, `64KiB`, `10MiB`, `1GiB`: bytes.
    /// - Parameter least: the smallest that makes sense.
    func size(_ least: Int = 0) -> Int? {
        let units: [(String, Int)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
        guard let text = node.scalar?.string, let unit = units.first(where: { text.hasSuffix($0.0) }),
            let count = Int(text.dropLast(unit.0.count)), count >= 0, count < 1 << 32
        else {
            fail("must be a size such as 1024, 64KiB or 10MiB")
            return nil
        }
        guard count * unit.1 >= least else {
            fail("must be \(least) bytes or more")
            return nil
        }
        return count * unit.1
    }

    func endpoint() -> Endpoint? {
        guard let (endpoint, isSecure) = upstreamEndpoint() else { return nil }
        if isSecure { fail("must not be https") }
        return endpoint
    }

    /// Where an upstream is, and whether it speaks TLS there: `https://host:port` beside what ``endpoint()`` reads.
    func upstreamEndpoint() -> (Endpoint, isSecure: Bool)? {
        guard let text = text() else { return nil }
        do throws(Endpoint.ParseError) {
            let (endpoint, isSecure) = try Endpoint.url(text)
            if case .tcp(_, 0) = endpoint {
                fail("'\(text)' has the port 0, on which nobody listens")
                return nil
            }
            return (endpoint, isSecure)
        } catch {
            fail("\(error)")
            return nil
        }
    }

    func addresses() -> [AddressRange] {
        list().compactMap { node in
            guard let text = node.text() else { return nil }
            let range = AddressRange(text)
            if range == nil { node.fail("'\(text)' is not an address or a CIDR") }
            return range
        }
    }
}

/// A mapping's members, in the order of the file.
struct ConfigMapping {
    let owner: ConfigNode
    let members: [(String, ConfigNode)]
    /// The keys that have no value, which is complained about already.
    let empty: Set<String>

    subscript(_ name: String) -> ConfigNode? { members.first { $0.0 == name }?.1 }

    func required(_ name: String) -> ConfigNode? {
        let node = self[name]
        if node == nil, !empty.contains(name) { owner.fail("needs \(name)") }
        return node
    }

    /// The one of these keys that is there; an error when there is none, or more than one.
    func one(of names: [String]) -> (name: String, node: ConfigNode)? {
        let found = names.compactMap { name in self[name].map { (name: name, node: $0) } }
        guard found.count == 1, let only = found.first else {
            if !found.isEmpty || empty.isDisjoint(with: names) {
                owner.fail("needs one of \(names.joined(separator: ", "))\(found.isEmpty ? "" : ", not several")")
            }
            return nil
        }
        return only
    }
}
