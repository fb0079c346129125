import MartletCore

/// A page of a model's list, as read from the database.
///
/// Most pages are sent unchanged, so ``json()`` writes the rows directly if that gives the same JSON as decoding and
/// encoding them (see ``RowFormat``). Use ``items`` to get decoded rows.
public struct RowPage<Row: Model>: Sendable {
    let rows: Rows
    /// The JSON, if it has been written already; see ``PageWriter``.
    var prepared: [UInt8]?
    /// The number of matching rows on all pages.
    public let total: Int
    /// The number of matching rows before this page.
    public let skip: Int
    /// The maximum number of rows on a page.
    public let limit: Int

    /// - Throws: ``DatabaseError/decoding(column:_:)``.
    public var items: [Row] { get throws { try rows.decode(Row.self) } }

    /// The page as the JSON of a `Page<Row>`.
    /// - Throws: ``DatabaseError/decoding(column:_:)``, or an error of the rows' `encode(to:)`.
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
