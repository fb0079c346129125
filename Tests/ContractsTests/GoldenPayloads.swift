import Foundation
import MartletCore
import MartletMessaging

/// Payloads as they were published, by the names of their files: `catalog.product_changed.v1`. A version may have several:
/// `catalog.product_changed.v1.without_sku`.
///
/// Its payloads stand for what readers of a version rely on: members that all of them have are required. A released file is
/// never changed.
struct GoldenPayloads {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    let texts: [String: String]

    static func read() throws -> GoldenPayloads {
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let texts = try files.map { file in
            (file.deletingPathExtension().lastPathComponent, try String(contentsOf: file, encoding: .utf8))
        }
        return GoldenPayloads(texts: Dictionary(uniqueKeysWithValues: texts))
    }

    /// The names of the files for a version.
    func names(_ type: String, _ version: Int) -> [String] {
        let name = "\(type).v\(version)"
        return texts.keys.filter { $0 == name || $0.hasPrefix(name + ".") }.sorted()
    }

    /// What is wrong with an event, by its payloads.
    func complaints(about event: any Event.Type) -> [String] {
        (1...max(event.version, 1)).flatMap { complaints(event, version: $0) }
    }

    private func complaints<E: Event>(_ event: E.Type, version: Int) -> [String] {
        let names = names(E.type, version)
        guard !names.isEmpty else { return ["\(E.type).v\(version).json is missing"] }
        var complaints: [String] = []
        var payloads: [[String: JSONValue]] = []
        for name in names {
            do {
                let text = texts[name] ?? ""
                let payload = try JSONValue(parsing: Array(text.utf8))
                let value = try Payload.decode(E.self, from: text, version: version)
                guard version == E.version else { continue }
                let written = try JSONValue(parsing: JSONWriter.bytes(of: value))
                let members = payload.objectValue ?? []
                complaints += members.compactMap { member, expected in
                    let found = written[member] ?? .null
                    return found == expected ? nil : "\(name): '\(member)' is published as \(found), not as \(expected)"
                }
                payloads.append(Dictionary(members.filter { $0.1 != .null }) { first, _ in first })
            } catch {
                complaints.append("\(name) cannot be decoded: \(error)")
            }
        }
        guard version == E.version, payloads.count == names.count else { return complaints }
        guard case .object(let schema) = Schema.of(event) else { return ["\(E.type) is no object"] }
        let required = Set(schema.fields.filter { !$0.isOptional }.map(\.name))
        let relied = payloads.dropFirst().reduce(Set(payloads[0].keys)) { $0.intersection($1.keys) }
        complaints += required.subtracting(relied).sorted().map {
            "\(E.type): '\($0)' is required, but version \(version) has payloads without it"
        }
        complaints += relied.subtracting(required).sorted().map {
            "\(E.type): readers of version \(version) rely on '\($0)', but it is not required"
        }
        return complaints
    }
}
