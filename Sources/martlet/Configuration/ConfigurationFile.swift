import Yams

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The YAML file, read into the flat texts that every other source gives.
///
/// Lists and maps (`services: {catalog: http://…}`, `only: [gateway]`) become the comma-separated form.
enum ConfigurationFile {
    /// - Throws: ``UsageError`` with the line of every key that is unknown or has the wrong shape.
    static func read(_ path: String) throws(UsageError) -> [SettingKey: String] {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw UsageError("\(path): cannot be read")
        }
        let root: Node?
        do {
            root = try compose(yaml: text)
        } catch let error as YamlError {
            throw UsageError("\(path): \(firstLine(error.description))")
        } catch {
            throw UsageError("\(path): is not YAML")
        }
        guard let root else { return [:] }
        guard case .mapping(let mapping) = root else { throw UsageError("\(path): must be a map of keys to values") }
        var values: [SettingKey: String] = [:]
        var problems: [String] = []
        for (keyNode, valueNode) in mapping {
            let place = "\(path):\(keyNode.mark?.line ?? 0)"
            let name = keyNode.string ?? ""
            guard let key = SettingKey(rawValue: name) else {
                problems.append("\(place): unknown key '\(name)'")
                continue
            }
            guard let value = flat(valueNode) else {
                problems.append("\(place): \(name) must be a text, a number, a list or a map of them")
                continue
            }
            if values.updateValue(value, forKey: key) != nil { problems.append("\(place): \(name) is given twice") }
        }
        guard problems.isEmpty else { throw UsageError(problems) }
        return values
    }

    private static func flat(_ node: Node) -> String? {
        switch node {
        case .scalar(let scalar): return scalar.string
        case .sequence(let nodes):
            let parts = nodes.compactMap(\.scalar?.string)
            return parts.count == nodes.count ? parts.joined(separator: ",") : nil
        case .mapping(let pairs):
            let parts = pairs.compactMap { pair in
                pair.key.scalar.flatMap { key in pair.value.scalar.map { "\(key.string)=\($0.string)" } }
            }
            return parts.count == pairs.count ? parts.joined(separator: ",") : nil
        case .alias: return nil
        }
    }

    private static func firstLine(_ text: String) -> String {
        String(text.split(separator: "\n").first ?? "is not YAML")
    }
}
