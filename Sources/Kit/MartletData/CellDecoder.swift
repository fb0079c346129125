import MartletCore

/// Decodes one value of a row: scalars from the column itself, all other types from the JSON text in the column.
///
/// The struct has three words, so that Swift stores it inline in an existential, without an allocation.
struct CellDecoder: Decoder, NumberDecoding, JSONValueSource {
    private let table: any ResultTable
    private let row: Int32
    private let column: Int32

    init(table: any ResultTable, row: Int, column: Int) {
        self.table = table
        self.row = Int32(truncatingIfNeeded: row)
        self.column = Int32(truncatingIfNeeded: column)
    }

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    private var cell: Cell { table.cell(Int(row), Int(column)) }

    private func mismatch(_ type: Any.Type) -> DatabaseError {
        MartletData.mismatch(cell, type, in: table, column: Int(column))
    }

    /// Decodes the types with a native column form; returns nil for all others.
    ///
    /// Compares type identity before any dynamic cast, which costs more than reading the value.
    @inline(__always)
    func known<T>(_ type: T.Type) throws -> T? {
        func cast<Value>(_ value: Value?) throws -> T {
            guard let value else { throw mismatch(type) }
            return unsafeBitCast(value, to: T.self)
        }
        if type == Timestamp.self { return try cast(cell.timestamp) }
        if type == Money.self { return try cast(cell.int64.flatMap(Money.init(minorUnits:))) }
        if type == String.self { return try cast(cell.string) }
        if type == Int.self { return try cast(cell.int64.flatMap(Int.init(exactly:))) }
        if type == CivilDate.self { return try cast(cell.date) }
        if type == JSONValue.self { return try cast(cell.json) }
        if type == [UInt8].self, let bytes = cell.bytes { return unsafeBitCast(bytes, to: T.self) }
        return nil
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        if let value = try known(type) { return value }
        do {
            return try T(from: self)
        } catch let error as DatabaseError {
            throw error
        } catch {
            throw DatabaseError.decoding(
                column: String(decoding: table.name(Int(column)), as: UTF8.self), explain(error))
        }
    }

    func optional<T: Decodable>(_ type: T.Type) throws -> T? { decodeNil() ? nil : try decode(type) }
    func optional(_ type: Bool.Type) throws -> Bool? { decodeNil() ? nil : try decode(type) }
    func optional(_ type: Double.Type) throws -> Double? { decodeNil() ? nil : try decode(type) }

    func decodeNil() -> Bool { cell.isNull }

    func integer<Integer: FixedWidthInteger>() throws -> Integer {
        guard let value = cell.int64, let exact = Integer(exactly: value) else { throw mismatch(Integer.self) }
        return exact
    }

    func decode(_ type: Bool.Type) throws -> Bool {
        guard let value = cell.bool else { throw mismatch(type) }
        return value
    }

    func decode(_ type: String.Type) throws -> String {
        guard let value = cell.string else { throw mismatch(type) }
        return value
    }

    func decode(_ type: Double.Type) throws -> Double {
        guard let value = cell.double else { throw mismatch(type) }
        return value
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try JSONValueDecoder(jsonValue()).container(keyedBy: type)
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try JSONValueDecoder(jsonValue()).unkeyedContainer()
    }

    func jsonValue() throws -> JSONValue {
        guard let value = cell.json else { throw mismatch(JSONValue.self) }
        return value
    }
}
