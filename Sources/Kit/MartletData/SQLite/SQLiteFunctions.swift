import GRDBSQLite
import MartletCore

/// Gives a connection the functions that ``Dialect`` speaks of.
func registerFunctions(on connection: OpaquePointer) {
    let flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC
    sqlite3_create_function_v2(
        connection, "martlet_contains", 2, flags, nil,
        { context, _, arguments in
            guard let text = utf8(arguments?[0]), let part = utf8(arguments?[1]) else {
                sqlite3_result_null(context)
                return
            }
            sqlite3_result_int(context, contains(text, part) ? 1 : 0)
        }, nil, nil, nil)
    sqlite3_create_function_v2(
        connection, "martlet_lower", 1, flags, nil,
        { context, _, arguments in
            guard let text = utf8(arguments?[0]) else {
                sqlite3_result_null(context)
                return
            }
            var lower = String(decoding: text, as: UTF8.self).lowercased()
            lower.withUTF8 { bytes in resultText(context, bytes) }
        }, nil, nil, nil)
    sqlite3_create_function_v2(
        connection, "martlet_next_version", 2, flags, nil,
        { context, _, arguments in
            guard let now = utf8(arguments?[1]).flatMap({ Timestamp(utf8: UnsafeRawBufferPointer($0)) }) else {
                sqlite3_result_null(context)
                return
            }
            let last = utf8(arguments?[0]).flatMap { Timestamp(utf8: UnsafeRawBufferPointer($0)) }
            var text = (last.map(now.next) ?? now).description
            text.withUTF8 { bytes in resultText(context, bytes) }
        }, nil, nil, nil)
}

/// SQLite copies the text.
private func resultText(_ context: OpaquePointer?, _ bytes: UnsafeBufferPointer<UInt8>) {
    let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    bytes.withMemoryRebound(to: CChar.self) { bytes in
        sqlite3_result_text(context, bytes.baseAddress, CInt(clamping: bytes.count), copied)
    }
}

/// The text of an argument, valid until the function returns; nil for NULL.
private func utf8(_ value: OpaquePointer?) -> UnsafeBufferPointer<UInt8>? {
    guard let value, sqlite3_value_type(value) != SQLITE_NULL, let text = sqlite3_value_text(value) else { return nil }
    return UnsafeBufferPointer(start: text, count: Int(sqlite3_value_bytes(value)))
}

private func contains(_ text: UnsafeBufferPointer<UInt8>, _ part: UnsafeBufferPointer<UInt8>) -> Bool {
    if text.allSatisfy({ $0 < 0x80 }), part.allSatisfy({ $0 < 0x80 }) {
        return find(part, in: text) { left, right in asciiLowercased(left) == asciiLowercased(right) }
    }
    var text = String(decoding: text, as: UTF8.self).lowercased()
    var part = String(decoding: part, as: UTF8.self).lowercased()
    return text.withUTF8 { text in part.withUTF8 { part in find(part, in: text, by: ==) } }
}

private func asciiLowercased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
}

@inline(__always)
private func find(
    _ part: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, by equal: (UInt8, UInt8) -> Bool
) -> Bool {
    guard part.count <= text.count else { return false }
    for start in 0...(text.count - part.count) {
        var length = 0
        while length < part.count, equal(text[start + length], part[length]) { length += 1 }
        if length == part.count { return true }
    }
    return false
}
