import MartletCore
import MartletSystem
import NIOCore
import Yams

/// Collects every error in a file; reading continues after each.
final class ConfigErrors {
    private(set) var lines: [(line: Int, text: String)] = []
    /// Every mapping that was read, with its allowed keys; nil where the keys are names.
    var mappings: [(path: String, keys: [String]?)] = []
    /// The folder of the file, which relative paths in it start from; nil means the working directory.
    let folder: String?

    init(folder: String? = nil) { self.folder = folder }

    func add(_ node: Yams.Node, _ path: String, _ text: String) {
        lines.append((node.mark?.line ?? 0, path.isEmpty ? text : "\(path): \(text)"))
    }

    /// - Throws: ``GatewayFileError`` with all errors in the order of the file, if there are any.
    func throwIfAny(in name: String) throws(GatewayFileError) {
        guard !lines.isEmpty else { return }
        let sorted = lines.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
        throw GatewayFileError(sorted.map { "\(name):\($0.element.line): \($0.element.text)" })
    }
}

/// A value in a YAML file and the path of its key. Invalid values are reported and skipped.
struct ConfigNode {
    let node: Yams.Node
    let path: String
    let errors: ConfigErrors

    var isScalar: Bool { if case .scalar = node { true } else { false } }

    func fail(_ text: String) { errors.add(node, path, text) }

    /// Runs a check on this value and reports its error.
    /// - Returns: whether the check passed.
    @discardableResult
    func verify(_ use: () throws(GatewayError) -> Void) -> Bool {
        do throws(GatewayError) {
            try use()
            return true
        } catch {
            // The node's path already says what such a prefix does: `routes: …`.
            let text = error.description
            let place = text.prefix { $0.isLowercase || $0 == "_" }
            fail(
                !place.isEmpty && text[place.endIndex...].hasPrefix(": ")
                    ? String(text.dropFirst(place.count + 2)) : text)
            return false
        }
    }

    /// The members of a mapping.
    /// - Parameters:
    ///   - keys: the allowed keys; nil for a mapping whose keys are names.
    ///   - example: a valid mapping, for the message.
    func mapping(_ keys: [String]? = nil, such example: String? = nil) -> ConfigMapping? {
        errors.mappings.append((path, keys))
        guard case .mapping(let mapping) = node else {
            let keys = keys.map { " with the keys \($0.joined(separator: ", "))" } ?? ""
            fail("must be a mapping" + (example.map { " such as \($0)" } ?? keys))
            return nil
        }
        var members: [(String, ConfigNode)] = []
        var empty: Set<String> = []
        for (key, value) in mapping {
            guard let name = key.string else {
                errors.add(key, path, "a key must be a string")
                continue
            }
            if name.first == YAMLText.again {
                let name = String(name.drop { $0 == YAMLText.again })
                errors.add(key, path.isEmpty ? name : "\(path).\(name)", "is repeated below")
                continue
            }
            let member = ConfigNode(node: value, path: path.isEmpty ? name : "\(path).\(name)", errors: errors)
            if let keys, !keys.contains(name) {
                let hint = Suggestion.closest(to: name, among: keys).map { "did you mean \($0)?" }
                errors.add(
                    key, member.path,
                    "unknown key; " + (hint ?? "the keys are \(keys.joined(separator: ", "))"))
                continue
            }
            // A policy whose settings are all commented out must not silently disappear.
            guard value.null == nil else {
                errors.add(key, member.path, "is empty")
                empty.insert(name)
                continue
            }
            members.append((name, member))
        }
        return ConfigMapping(owner: self, members: members, empty: empty)
    }

    /// The member of that name, or nil. Reports nothing.
    func member(_ name: String) -> ConfigNode? {
        guard case .mapping(let mapping) = node, let value = mapping[name], value.null == nil else { return nil }
        return ConfigNode(node: value, path: path.isEmpty ? name : "\(path).\(name)", errors: errors)
    }

    /// The values of a mapping with any keys. Reports nothing.
    var values: [ConfigNode] {
        guard case .mapping(let mapping) = node else { return [] }
        return mapping.keys.compactMap { $0.string.flatMap(member) }
    }

    /// The elements of a list. Reports nothing.
    var elements: [ConfigNode] {
        guard case .sequence(let sequence) = node else { return [] }
        return sequence.enumerated().map { ConfigNode(node: $1, path: "\(path)[\($0)]", errors: errors) }
    }

    /// - Parameter example: a valid list, for the message.
    func list(such example: String? = nil) -> [ConfigNode] {
        guard case .sequence(let sequence) = node else {
            fail(
                "must be a list" + (example.map { " such as \($0)" } ?? ", in brackets or with a - before each element")
            )
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
            fail("must be a string")
            return nil
        }
        return scalar.string
    }

    func texts(such example: String? = nil) -> [String] { list(such: example).compactMap { $0.text() } }

    /// A mapping of names to strings.
    func dictionary() -> [String: String] {
        var result: [String: String] = [:]
        for (name, value) in mapping()?.members ?? [] { result[name] = value.text() }
        return result
    }

    func integer(_ range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let scalar) = node, let value = Int(scalar.string), range.contains(value) else {
            fail("must be a whole number from \(range.lowerBound) to \(range.upperBound)")
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

    /// Reads a setting that is either `true`, `false` or a mapping.
    /// - Returns: nil where there is a mapping to read.
    func toggle(such example: String) -> Bool? {
        guard case .scalar(let scalar) = node else { return nil }
        switch scalar.string {
        case "true": return true
        case "false": return false
        default:
            fail("must be true, false or a mapping such as \(example)")
            return false
        }
    }

    func choice<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> Value? where Value.RawValue == String {
        guard let text = node.scalar?.string, let value = Value(rawValue: text) else {
            let names = Value.allCases.map(\.rawValue)
            let hint = node.scalar.flatMap { Suggestion.closest(to: $0.string, among: names) }
            fail("must be one of \(names.joined(separator: ", "))" + (hint.map { "; did you mean \($0)?" } ?? ""))
            return nil
        }
        return value
    }

    /// `500ms`, `5s`, `2m`, `1h`, `1d`.
    func duration(_ range: ClosedRange<TimeAmount> = .milliseconds(1)...(.hours(24 * 366))) -> TimeAmount? {
        let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
        guard let text = node.scalar?.string,
            let unit = units.first(where: { text.hasSuffix($0.0) && text.dropLast($0.0.count).last?.isNumber == true }),
            let count = Int64(text.dropLast(unit.0.count)), count >= 0, count < 1_000_000_000
        else {
            let isNumber = node.scalar.map { Double($0.string) != nil } ?? false
            fail(
                isNumber
                    ? "needs a unit: ms, s, m, h or d, as in 5s" : "must be a duration such as 500ms, 5s, 2m or 1h")
            return nil
        }
        let duration = TimeAmount.milliseconds(count * unit.1)
        guard range.contains(duration) else {
            fail("must be from \(Self.text(range.lowerBound)) to \(Self.text(range.upperBound))")
            return nil
        }
        return duration
    }

    private static func text(_ duration: TimeAmount) -> String {
        let milliseconds = duration.nanoseconds / 1_000_000
        let units: [(String, Int64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        let unit = units.first { milliseconds >= $0.1 && milliseconds % $0.1 == 0 } ?? ("ms", 1)
        return "\(milliseconds / unit.1)\(unit.0)"
    }

    /// The text of a duration; nil for anything else. Reports nothing.
    var asDuration: String? {
        guard case .scalar(let scalar) = node,
            ["ms", "s", "m", "h", "d"].contains(where: {
                scalar.string.hasSuffix($0) && Int(scalar.string.dropLast($0.count)) != nil
            })
        else { return nil }
        return scalar.string
    }

    /// A whole number; nil for anything else. Reports nothing.
    var asInteger: Int? { node.scalar.flatMap { Int($0.string) } }

    /// `1024`, `64KiB`, `10MiB`, `1GiB`, in bytes.
    /// - Parameter least: the smallest valid size.
    func size(_ least: Int = 0) -> Int? {
        let units: [(String, Int)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
        guard let text = node.scalar?.string, let unit = units.first(where: { text.hasSuffix($0.0) }),
            let count = Int(text.dropLast(unit.0.count)), count >= 0, count < 1 << 32
        else {
            fail("must be a size in bytes, KiB, MiB or GiB, such as 1024, 64KiB or 10MiB")
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

    /// The address of an upstream and whether it uses TLS: whatever ``endpoint()`` accepts, or `https://host:port`.
    func upstreamEndpoint() -> (Endpoint, isSecure: Bool)? {
        guard let text = text() else { return nil }
        if let problem = Self.endpointProblem(text) {
            fail(problem)
            return nil
        }
        do throws(Endpoint.ParseError) {
            let (endpoint, isSecure) = try Endpoint.url(text)
            if case .tcp(_, 0) = endpoint {
                fail("'\(text)' has port 0; write the port the service listens on")
                return nil
            }
            return (endpoint, isSecure)
        } catch {
            fail("\(error)")
            return nil
        }
    }

    /// Explains common mistakes in an endpoint.
    private static func endpointProblem(_ text: String) -> String? {
        let shown = text.withoutUserinfo
        guard let end = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<end.lowerBound]
        guard scheme == "http" || scheme == "https" else {
            return "'\(shown)' must be http://host:port, https://host:port or unix:/path"
        }
        let rest = text[end.upperBound...]
        guard let slash = rest.firstIndex(where: { "/?#".contains($0) }), slash != rest.index(before: rest.endIndex)
        else { return nil }
        return "'\(shown)' has a path, which endpoints do not take; add it on the route with "
            + "rewrite: {add_prefix: \(rest[slash] == "/" ? String(rest[slash...]).withoutUserinfo : "/path")}"
    }

    func addresses() -> [AddressRange] {
        list(such: "[10.0.0.0/8, 192.0.2.7]").compactMap { node in
            guard let text = node.text() else { return nil }
            let range = AddressRange(text)
            if range == nil { node.fail("'\(text)' is not an address or a network such as 10.0.0.0/8") }
            return range
        }
    }

    /// The path of a file or folder. A relative path starts from the folder of the configuration file.
    func file() -> String? {
        guard let path = text() else { return nil }
        guard !path.isEmpty else {
            fail("must be the path of a file")
            return nil
        }
        guard !path.utf8.starts(with: "~".utf8) else {
            fail("'\(path)' begins with ~, which only shells expand; write the full path")
            return nil
        }
        guard let folder = errors.folder, !path.utf8.starts(with: "/".utf8) else { return path }
        return folder + "/" + path
    }

    /// Reports a file that cannot be read.
    /// - Returns: whether the file is readable.
    @discardableResult
    func verifyFile(_ path: String) -> Bool {
        guard let problem = FileProblem.reading(path) else { return true }
        fail(problem)
        return false
    }
}

/// A mapping's members, in the order of the file.
struct ConfigMapping {
    let owner: ConfigNode
    let members: [(String, ConfigNode)]
    /// Keys without a value, which are already reported.
    let empty: Set<String>

    subscript(_ name: String) -> ConfigNode? { members.first { $0.0 == name }?.1 }

    func required(_ name: String) -> ConfigNode? {
        let node = self[name]
        if node == nil, !empty.contains(name) { owner.fail("needs \(name)") }
        return node
    }

    /// The only one of these keys that is present. Reports an error when none or several are.
    func one(of names: [String]) -> (name: String, node: ConfigNode)? {
        let found = names.compactMap { name in self[name].map { (name: name, node: $0) } }
        guard found.count == 1, let only = found.first else {
            if !found.isEmpty || empty.isDisjoint(with: names) {
                let several = ", not several: \(found.map(\.name).joined(separator: ", "))"
                owner.fail("needs one of \(names.joined(separator: ", "))\(found.isEmpty ? "" : several)")
            }
            return nil
        }
        return only
    }
}

/// Explains why a file cannot be read.
enum FileProblem {
    static func reading(_ path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return errno == EACCES ? "the file '\(path)' is not readable" : "the file '\(path)' does not exist"
        }
        if status.st_mode & S_IFMT == S_IFDIR { return "'\(path)' is a folder, not a file" }
        return access(path, R_OK) == 0 ? nil : "the file '\(path)' is not readable"
    }
}
