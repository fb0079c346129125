import MartletCore

/// Maps fields to the columns of a file. Names are compared as bytes, ignoring ASCII case and surrounding blanks.
struct ProductColumns {
    let header: [String]
    private var positions: [String: Int] = [:]

    struct Mistake: Error { let message: String }

    /// - Parameters:
    ///   - names: the possible column names of each field. The first one in the file is used.
    ///   - columns: the column names set with `--map`, which must exist.
    /// - Throws: ``Mistake`` for a missing or duplicate column.
    init(
        _ header: [String], names: [(field: String, names: [String])], columns: [String: String], required: [String]
    ) throws(Mistake) {
        self.header = header
        var places: [[UInt8]: [Int]] = [:]
        for (index, name) in header.enumerated() { places[Self.folded(name), default: []].append(index) }
        for (field, aliases) in names {
            let said = columns[field]
            for name in said.map({ [$0] }) ?? aliases {
                // An exact match comes first, because a file may have both `Price` and `price`.
                let all = places[Self.folded(name)] ?? []
                let exact = all.filter { header[$0].isExactly(name) }
                let found = exact.isEmpty ? all : exact
                guard found.count <= 1 else {
                    throw Mistake(message: "\(found.count) columns are named '\(name)'; rename all but one")
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
            throw Mistake(message: "no column for '\(field)'; \(Self.list(header)). Set --map \(field)=COLUMN")
        }
    }

    /// The zero-based column of a field.
    func position(of field: String) -> Int? { positions[field] }

    /// The text in a field's cell without surrounding blanks; empty without a column.
    func text(_ field: String, _ cells: [String]) -> String {
        guard let position = positions[field], position < cells.count else { return "" }
        return cells[position].trimmed
    }

    /// The fields for which the file has a column.
    var fields: [String] { ProductFile.fields.filter { positions[$0] != nil } }

    private static func folded(_ name: String) -> [UInt8] {
        name.trimmed.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    /// Lists the column names, shortened: a file may have many long ones.
    private static func list(_ header: [String]) -> String {
        let shown = header.prefix(20).map { String($0.unicodeScalars.prefix(40)) }.joined(separator: ", ")
        return "the columns are: \(shown)" + (header.count > 20 ? " and \(header.count - 20) more" : "")
    }
}
