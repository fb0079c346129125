import Foundation
import MartletCore
import Yams

/// Reads the YAML file into the flat texts that all other sources use.
///
/// Lists and maps (`services: {catalog: http://…}`, `only: [gateway]`) become comma-separated texts.
enum ConfigurationFile {
    /// - Parameter keys: the keys of all settings.
    /// - Throws: ``UsageError`` with the line of every unknown key or invalid value.
    static func read(_ path: String, _ keys: [String]) throws(UsageError) -> [String: String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw UsageError("\(path): no such file")
        }
        guard !isFolder.boolValue else { throw UsageError("\(path): is a folder; name the YAML file in it") }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw UsageError("\(path): cannot be read as UTF-8 text")
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
        guard case .mapping(let mapping) = root else {
            throw UsageError("\(path): must be a map of keys to values, such as port: 8080")
        }
        var values: [String: String] = [:]
        var problems: [String] = []
        for (keyNode, valueNode) in mapping {
            let place = "\(path):\(keyNode.mark?.line ?? 0)"
            let name = keyNode.string ?? ""
            guard keys.contains(where: name.isExactly) else {
                let shown = String(name.unicodeScalars.prefix(80))
                problems.append("\(place): unknown key '\(shown)'.\(Suggestion.hint(for: name, among: keys))")
                continue
            }
            guard let value = flat(valueNode) else {
                problems.append("\(place): \(name) must be a text, a number, or a list or map of these")
                continue
            }
            if values.updateValue(value, forKey: name) != nil { problems.append("\(place): \(name) is set twice") }
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
