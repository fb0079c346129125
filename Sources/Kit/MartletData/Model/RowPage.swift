import MartletCore

/// A page of a model's list as the database gave it.
///
/// Most lists are sent as they are read, so the rows become JSON straight from the database's answer where that is the
/// same as decoding and encoding them (see ``RowFormat``); ``items`` decodes them for whoever wants to look.
public struct RowPage<Row: Model>: Sendable {
    let rows: Rows
    /// The JSON, where it has been made already; see ``PageWriter``.
    var prepared: [UInt8]?
    /// How many rows match, on all pages together.
    public let total: Int
    /// How many matching rows come before this page.
    public let skip: Int
    /// How many rows a page holds at the most.
    public let limit: Int

    /// - Throws: ``DatabaseError/decoding(column:_:)``.
    public var items: [Row] { get throws { try rows.decode(Row.self) } }

    /// The JSON of the `Page<Row>` that this is.
    /// - Throws: ``DatabaseError/decoding(column:_:)``, or what encoding the rows throws.
    public func json() throws -> [UInt8] {
        if let prepared { return prepared }
        guard let format = RowFormats.shared.of(Row.self) else {
            return try JSONWriter.bytes(of: Page(items: items, total: total, skip: skip, limit: limit))
        }
        var writer = JSONWriter(capacity: 64 + rows.count * 400)
        writer.append(#"{"items":["#)
        for index in rows.indices {
            if index > 0 { writer.append(UInt8(ascii: ",")) }
            try format.write(index, of: rows.table, to: &writer)
        }
        for (name, value) in [("],\"total\":", total), (",\"skip\":", skip), (",\"limit\":", limit)]
            as [(StaticString, Int)]
        {
            writer.append(name)
            writer.write(value)
        }
        writer.append(UInt8(ascii: "}"))
        return writer.bytes
    }
}
