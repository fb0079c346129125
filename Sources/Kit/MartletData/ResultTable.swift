import MartletCore

/// All rows of one result, in the form in which the driver received them. A ``Row`` is a position in it.
///
/// The table is immutable. The pointers it returns are valid for its lifetime.
protocol ResultTable: AnyObject, Sendable {
    var rowCount: Int { get }
    var columnCount: Int { get }
    /// The approximate size of the values, in bytes.
    var byteCount: Int { get }
    /// - Precondition: `column` is within `columnCount`.
    func name(_ column: Int) -> UnsafeRawBufferPointer
    /// - Precondition: `row` and `column` are within the table.
    func cell(_ row: Int, _ column: Int) -> Cell
}

/// One value of a row, not yet copied.
enum Cell {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case text(UnsafeRawBufferPointer)
    /// A timestamp as PostgreSQL prints it.
    case timestamp(UnsafeRawBufferPointer)
    /// A decimal number of any size, such as the sum of a BIGINT column in PostgreSQL.
    case decimal(UnsafeRawBufferPointer)
    case blob(UnsafeRawBufferPointer)
    /// Bytes as PostgreSQL prints them: `\x` and two digits for each.
    case hexadecimal(UnsafeRawBufferPointer)
}

extension Cell {
    var isNull: Bool { if case .null = self { true } else { false } }

    var bool: Bool? {
        switch self {
        case .bool(let value): value
        case .int(0): false
        case .int(1): true
        default: nil
        }
    }

    var int64: Int64? {
        switch self {
        case .int(let value): value
        case .decimal(let digits): Int64(String(decoding: digits, as: UTF8.self))
        default: nil
        }
    }

    var double: Double? {
        switch self {
        case .double(let value): value
        case .int(let value): Double(value)
        case .decimal(let digits): Double(String(decoding: digits, as: UTF8.self))
        default: nil
        }
    }

    var string: String? {
        switch self {
        case .text(let bytes), .decimal(let bytes): String(decoding: bytes, as: UTF8.self)
        case .timestamp(let bytes): Timestamp(utf8: bytes)?.description ?? String(decoding: bytes, as: UTF8.self)
        default: nil
        }
    }

    var timestamp: Timestamp? {
        switch self {
        case .text(let bytes), .timestamp(let bytes): Timestamp(utf8: bytes)
        default: nil
        }
    }

    var date: CivilDate? {
        guard case .text(let bytes) = self else { return nil }
        return CivilDate(String(decoding: bytes, as: UTF8.self))
    }

    var bytes: [UInt8]? {
        switch self {
        case .blob(let bytes): Array(bytes)
        case .hexadecimal(let digits): Array(hexadecimal: digits)
        default: nil
        }
    }

    var json: JSONValue? {
        guard case .text(let bytes) = self else { return nil }
        return try? JSONValue(parsing: bytes)
    }

    var value: SQLValue {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .double(let value): .double(value)
        case .text, .timestamp: .text(string ?? "")
        case .decimal: int64.map { .int($0) } ?? double.map { .double($0) } ?? .text(string ?? "")
        case .blob, .hexadecimal: .blob(bytes ?? [])
        }
    }

    /// The kind of value, for error messages, which must not contain the value itself.
    var kind: String {
        switch self {
        case .null: "NULL"
        case .bool: "a boolean"
        case .int: "an integer"
        case .double, .decimal: "a number"
        case .text: "a text"
        case .timestamp: "a timestamp"
        case .blob, .hexadecimal: "bytes"
        }
    }
}

extension [UInt8] {
    fileprivate init?(hexadecimal text: UnsafeRawBufferPointer) {
        guard text.starts(with: "\\x".utf8), let bytes = Hexadecimal.bytes(text.dropFirst(2)) else { return nil }
        self = bytes
    }
}

extension Timestamp {
    /// Reads in place the two forms that the databases return: `2026-11-21T00:33:26.123456Z`, and the same with a space
    /// and `+00`. All other forms take the general path.
    init?(utf8 bytes: UnsafeRawBufferPointer) {
        func number(_ start: Int, _ count: Int) -> Int? {
            var value = 0
            for index in start..<(start + count) {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit < 10 else { return nil }
                value = value * 10 + Int(digit)
            }
            return value
        }
        func general() -> Timestamp? { Timestamp(String(decoding: bytes, as: UTF8.self)) }

        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "),
            let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
            let date = CivilDate(year: year, month: month, day: day),
            let hour = number(11, 2), hour < 24, let minute = number(14, 2), minute < 60,
            let second = number(17, 2), second < 60
        else {
            guard let value = general() else { return nil }
            self = value
            return
        }
        var end = 19
        var fraction = 0
        if bytes[end] == UInt8(ascii: ".") {
            end += 1
            var digits = 0
            while end < bytes.count, digits < 6, let digit = number(end, 1) {
                fraction = fraction * 10 + digit
                digits += 1
                end += 1
            }
            for _ in digits..<6 { fraction *= 10 }
        }
        let zone = bytes[end...]
        guard zone.elementsEqual([UInt8(ascii: "Z")]) || zone.elementsEqual([0x2B, 0x30, 0x30]) else {
            guard let value = general() else { return nil }
            self = value
            return
        }
        let seconds = date.daysSince1970 * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        self.init(microseconds: seconds * 1_000_000 + Int64(fraction))
    }
}
