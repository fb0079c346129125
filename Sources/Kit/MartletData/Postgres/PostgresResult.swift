import CPostgres

/// A result of PostgreSQL, read in place.
///
/// `@unchecked` because it holds a C pointer. A complete `PGresult` is immutable, and it is freed with the object.
final class PostgresResult: ResultTable, @unchecked Sendable {
    private let handle: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    /// Takes ownership of a `PGresult`.
    init(_ handle: OpaquePointer) {
        self.handle = handle
        rowCount = Int(PQntuples(handle))
        columnCount = Int(PQnfields(handle))
    }

    deinit { PQclear(handle) }

    var byteCount: Int { PQresultMemorySize(handle) }

    /// The number of rows inserted, updated or deleted.
    var changes: Int {
        guard let tag = PQcmdStatus(handle), !String(cString: tag).hasPrefix("SELECT") else { return 0 }
        return PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0
    }

    /// Whether this is the result of a successful COMMIT. For a failed transaction, the command tag is ROLLBACK.
    var isCommit: Bool { PQcmdStatus(handle).map { String(cString: $0) == "COMMIT" } ?? false }

    func name(_ column: Int) -> UnsafeRawBufferPointer {
        guard let name = PQfname(handle, CInt(column)) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: name, count: UnsafePointer(name).length)
    }

    func cell(_ row: Int, _ column: Int) -> Cell {
        let row = CInt(row)
        let column = CInt(column)
        guard PQgetisnull(handle, row, column) == 0, let start = PQgetvalue(handle, row, column) else { return .null }
        let text = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(handle, row, column)))
        switch PQftype(handle, column) {
        case TypeID.bigint, TypeID.integer, TypeID.smallint, TypeID.oid:
            return integer(text).map { .int($0) } ?? .text(text)
        case TypeID.boolean: return .bool(text.first == UInt8(ascii: "t"))
        case TypeID.double, TypeID.real: return double(text)
        case TypeID.numeric: return .decimal(text)
        case TypeID.timestamptz: return .timestamp(text)
        case TypeID.bytea: return .hexadecimal(text)
        default: return .text(text)
        }
    }

    private func integer(_ digits: UnsafeRawBufferPointer) -> Int64? {
        // Up to 18 digits cannot overflow. Longer numbers take the checked path.
        guard digits.count <= 18, let first = digits.first else {
            return Int64(String(decoding: digits, as: UTF8.self))
        }
        let isNegative = first == UInt8(ascii: "-")
        var value: Int64 = 0
        for byte in digits.dropFirst(isNegative ? 1 : 0) { value = value * 10 + Int64(byte &- UInt8(ascii: "0")) }
        return isNegative ? -value : value
    }

    private func double(_ text: UnsafeRawBufferPointer) -> Cell {
        Double(String(decoding: text, as: UTF8.self)).map { .double($0) } ?? .text(text)
    }
}

/// The ids of PostgreSQL's built-in types (`pg_type.dat`).
enum TypeID {
    static let unknown: Oid = 0
    static let boolean: Oid = 16
    static let bytea: Oid = 17
    static let bigint: Oid = 20
    static let smallint: Oid = 21
    static let integer: Oid = 23
    static let oid: Oid = 26
    static let real: Oid = 700
    static let double: Oid = 701
    static let timestamptz: Oid = 1184
    static let numeric: Oid = 1700
}
