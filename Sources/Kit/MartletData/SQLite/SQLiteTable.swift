/// Bytes that never change and stay where they are.
///
/// `@unchecked` because of the pointer: the memory is written before the object exists, only read afterwards, and
/// freed with it.
final class FixedBytes: @unchecked Sendable {
    private let bytes: UnsafeRawBufferPointer

    init(_ source: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 1)
        memory.copyBytes(from: source)
        bytes = UnsafeRawBufferPointer(memory)
    }

    deinit { bytes.deallocate() }

    var count: Int { bytes.count }

    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[range]) }
}

/// The names of a statement's columns; its answers share them.
final class ColumnNames: Sendable {
    private let bytes: FixedBytes
    private let ranges: [Range<Int>]

    init(_ names: [[UInt8]]) {
        var end = 0
        ranges = names.map { name in
            defer { end += name.count }
            return end..<(end + name.count)
        }
        bytes = FixedBytes(Array(names.joined()))
    }

    var count: Int { ranges.count }
    subscript(column: Int) -> UnsafeRawBufferPointer { bytes.slice(ranges[column]) }
}

/// An answer of SQLite, whose own memory is gone by the next step of the statement.
final class SQLiteTable: ResultTable {
    enum Value {
        case null
        case int(Int64)
        case double(Double)
        case text(Range<Int>)
        case blob(Range<Int>)
    }

    private let names: ColumnNames
    private let values: [Value]
    private let bytes: FixedBytes
    let rowCount: Int

    init(names: ColumnNames, rowCount: Int, values: [Value], bytes: [UInt8]) {
        self.names = names
        self.values = values
        self.bytes = FixedBytes(bytes)
        self.rowCount = rowCount
    }

    var columnCount: Int { names.count }
    var byteCount: Int { bytes.count }
    func name(_ column: Int) -> UnsafeRawBufferPointer { names[column] }

    func cell(_ row: Int, _ column: Int) -> Cell {
        switch values[row * names.count + column] {
        case .null: .null
        case .int(let value): .int(value)
        case .double(let value): .double(value)
        case .text(let range): .text(bytes.slice(range))
        case .blob(let range): .blob(bytes.slice(range))
        }
    }
}
