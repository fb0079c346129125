import MartletCore

/// Which column of a file is which field. Names are compared as bytes, in any case of ASCII letters and without the blanks
/// around them.
struct ProductColumns {
    let header: [String]
    private var positions: [String: Int] = [:]

    struct Mistake: Error { let message: String }

    /// - Parameters:
    ///   - names: what the columns of a field may be called, the first that is there counts.
    ///   - columns: what somebody has said of a field, which must be there.
    /// - Throws: ``Mistake`` for a column that is missing or there twice.
    init(
        _ header: [String], names: [(field: String, names: [String])], columns: [String: String], required: [String]
    ) throws(Mistake) {
        self.header = header
        var places: [[UInt8]: [Int]] = [:]
        for (index, name) in header.enumerated() { places[Self.folded(name), default: []].append(index) }
        for (field, aliases) in names {
            let said = columns[field]
            for name in said.map({ [$0] }) ?? aliases {
                // Exactly so first: a file may have both `Price` and `price`.
                let all = places[Self.folded(name)] ?? []
                let exact = all.filter { header[$0].isExactly(name) }
                let found = exact.isEmpty ? all : exact
                guard found.count <= 1 else {
                    throw Mistake(message: "\(found.count) columns are called '\(name)'; rename all but one")
                }
                if let position = found.first {
                    positions[field] = position
                    break
                }
                guard said == nil else {
                    let hint = Suggestion.hint(for: name, among: header)
                    throw Mistake(message: "there is no column '\(name)'; \(Self.list(header)).\(hint)")
                }
            }
        }
        for field in required where positions[field] == nil {
            let name = names.first { $0.field == field }?.names.first ?? field
            guard ProductFile.fields.contains(field) else {
                throw Mistake(message: "there is no column '\(name)'; \(Self.list(header))")
            }
            throw Mistake(message: "no column for '\(field)'; \(Self.list(header)). Say --map \(field)=COLUMN")
        }
    }

    /// The column of a field, from 0.
    func position(of field: String) -> Int? { positions[field] }

    /// What stands in a field's cell, without the blanks around it; empty where there is none.
    func text(_ field: String, _ cells: [String]) -> String {
        guard let position = positions[field], position < cells.count else { return "" }
        return cells[position].trimmed
    }

    /// The fields that the file has.
    var fields: [String] { ProductFile.fields.filter { positions[$0] != nil } }

    private static func folded(_ name: String) -> [UInt8] {
        name.trimmed.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    /// A header may be long, and so may a name in it.
    private static func list(_ header: [String]) -> String {
        let shown = header.prefix(20).map { String($0.unicodeScalars.prefix(40)) }.joined(separator: ", ")
        return "there are: \(shown)" + (header.count > 20 ? " and \(header.count - 20) more" : "")
    }
}
