/// Immutable bytes at a fixed address.
///
/// `@unchecked` because of the pointer. The memory is written in `init`, only read afterwards, and freed with the
/// object.
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

/// The names of a statement's columns, shared by its results.
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

/// A copied result of SQLite, whose own memory is valid only until the next step of the statement.
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
