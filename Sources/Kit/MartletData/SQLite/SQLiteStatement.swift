import GRDBSQLite

/// A prepared statement of one connection.
///
/// `@unchecked` because it holds C pointers. It is used only on its connection's thread, and the connection outlives
/// it.
final class SQLiteStatement: @unchecked Sendable {
    private let handle: OpaquePointer
    private let connection: OpaquePointer
    let isReadOnly: Bool
    private var names = ColumnNames([])
    private var recompilations: CInt = -1

    init(_ sql: SQL, on connection: OpaquePointer) throws {
        var handle: OpaquePointer?
        var rest = 0
        let code = sql.text.withUnsafeBufferPointer { text in
            text.withMemoryRebound(to: CChar.self) { text -> CInt in
                var tail: UnsafePointer<CChar>?
                let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
                let code = sqlite3_prepare_v3(
                    connection, text.baseAddress, CInt(clamping: text.count), flags, &handle, &tail)
                if let tail, let start = text.baseAddress { rest = text.count - (tail - start) }
                return code
            }
        }
        guard code == SQLITE_OK else { throw sqliteError(connection) }
        guard let handle else { throw DatabaseError.other(code: "SQLITE_ERROR", message: "empty statement") }
        self.handle = handle
        self.connection = connection
        isReadOnly = sqlite3_stmt_readonly(handle) != 0
        let blank: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ";")]
        guard sql.text.suffix(rest).allSatisfy(blank.contains) else {
            throw DatabaseError.other(code: "SQLITE_ERROR", message: "more than one statement")
        }
    }

    deinit { sqlite3_finalize(handle) }

    /// Runs the statement to completion.
    /// - Returns: its rows.
    func run(_ values: [SQLValue]) throws -> SQLiteTable {
        defer {
            sqlite3_reset(handle)
            sqlite3_clear_bindings(handle)
        }
        guard Int(sqlite3_bind_parameter_count(handle)) == values.count else {
            throw DatabaseError.other(code: "SQLITE_ERROR", message: "the statement has an unbound ? or $ parameter")
        }
        for (index, value) in values.enumerated() { try bind(value, at: CInt(index + 1)) }

        var cells: [SQLiteTable.Value] = []
        var bytes: [UInt8] = []
        var rowCount = 0
        while true {
            switch sqlite3_step(handle) {
            case SQLITE_ROW:
                if rowCount == 0 { readNames() }
                rowCount += 1
                for column in 0..<CInt(names.count) { cells.append(read(column, into: &bytes)) }
            case SQLITE_DONE:
                if rowCount == 0 { readNames() }
                return SQLiteTable(names: names, rowCount: rowCount, values: cells, bytes: bytes)
            default:
                throw sqliteError(connection)
            }
        }
    }

    /// Reads the column names again if SQLite has recompiled the statement after a change of the schema.
    private func readNames() {
        let recompilations = sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_REPREPARE, 0)
        guard recompilations != self.recompilations else { return }
        self.recompilations = recompilations
        names = ColumnNames(
            (0..<sqlite3_column_count(handle)).map { column in
                guard let name = sqlite3_column_name(handle, column) else { return [] }
                return Array(UnsafeRawBufferPointer(start: name, count: name.length))
            })
    }

    private func read(_ column: CInt, into bytes: inout [UInt8]) -> SQLiteTable.Value {
        func copy(_ start: UnsafeRawPointer?) -> Range<Int> {
            let offset = bytes.count
            // SQLite requires that the length is read after the pointer.
            let count = Int(sqlite3_column_bytes(handle, column))
            bytes.append(contentsOf: UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
            return offset..<bytes.count
        }
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: return .int(sqlite3_column_int64(handle, column))
        case SQLITE_FLOAT: return .double(sqlite3_column_double(handle, column))
        case SQLITE_TEXT: return .text(copy(sqlite3_column_text(handle, column).map { UnsafeRawPointer($0) }))
        case SQLITE_BLOB: return .blob(copy(sqlite3_column_blob(handle, column)))
        default: return .null
        }
    }

    private func bind(_ value: SQLValue, at index: CInt) throws {
        let code: CInt
        switch value {
        case .null: code = sqlite3_bind_null(handle, index)
        case .bool(let value): code = sqlite3_bind_int64(handle, index, value ? 1 : 0)
        case .int(let value): code = sqlite3_bind_int64(handle, index, value)
        case .double(let value): code = sqlite3_bind_double(handle, index, value)
        case .text(var text):
            guard !text.containsNUL else { throw DatabaseError.nulInText }
            code = text.withUTF8 { text in
                text.withMemoryRebound(to: CChar.self) { text in
                    guard let start = text.baseAddress else { return sqlite3_bind_text(handle, index, "", 0, copied) }
                    return sqlite3_bind_text(handle, index, start, CInt(clamping: text.count), copied)
                }
            }
        case .blob(let bytes):
            code = bytes.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress, !bytes.isEmpty else {
                    return sqlite3_bind_zeroblob(handle, index, 0)
                }
                return sqlite3_bind_blob(handle, index, start, CInt(clamping: bytes.count), copied)
            }
        }
        guard code == SQLITE_OK else { throw sqliteError(connection) }
    }
}

/// `SQLITE_TRANSIENT`: tells SQLite to copy bound values. Swift does not import the C macro.
private let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension UnsafePointer<CChar> {
    /// The length of a C string.
    var length: Int {
        var end = self
        while end.pointee != 0 { end += 1 }
        return end - self
    }
}
