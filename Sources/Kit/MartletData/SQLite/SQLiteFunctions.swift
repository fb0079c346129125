import GRDBSQLite
import MartletCore

/// Registers the functions and the collation that ``Dialect`` uses.
func registerFunctions(on connection: OpaquePointer) {
    let flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC
    sqlite3_create_function_v2(
        connection, "martlet_contains", 2, flags, nil,
        { context, _, arguments in
            guard let text = utf8(arguments?[0]), let part = utf8(arguments?[1]) else {
                sqlite3_result_null(context)
                return
            }
            let pattern = prepared(context, 1) { SearchPattern(whole: part) }
            sqlite3_result_int(context, pattern.matches([text]) ? 1 : 0)
        }, nil, nil, nil)
    sqlite3_create_function_v2(
        connection, "martlet_search", -1, flags, nil,
        { context, count, arguments in
            guard count > 0, let terms = utf8(arguments?[0]) else {
                sqlite3_result_null(context)
                return
            }
            let pattern = prepared(context, 0) { SearchPattern(terms: terms) }
            let texts = (1..<max(1, Int(count))).map { utf8(arguments?[$0]) }
            sqlite3_result_int(context, pattern.matches(texts) ? 1 : 0)
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
    sqlite3_create_collation_v2(
        connection, "martlet_folded", SQLITE_UTF8, nil,
        { _, leftCount, left, rightCount, right in
            CInt(TextFold.compare(bytes(left, leftCount), bytes(right, rightCount)))
        }, nil)
}

/// Returns the pattern of a constant argument, compiled once per statement.
private func prepared(
    _ context: OpaquePointer?, _ argument: CInt, _ make: () -> SearchPattern
) -> SearchPattern {
    if let known = sqlite3_get_auxdata(context, argument) {
        return Unmanaged<SearchPattern>.fromOpaque(known).takeUnretainedValue()
    }
    let pattern = make()
    sqlite3_set_auxdata(context, argument, Unmanaged.passRetained(pattern).toOpaque()) { pattern in
        if let pattern { Unmanaged<SearchPattern>.fromOpaque(pattern).release() }
    }
    return pattern
}

/// Sets a function's result. SQLite copies the text.
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

private func bytes(_ start: UnsafeRawPointer?, _ count: CInt) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: start?.assumingMemoryBound(to: UInt8.self), count: start == nil ? 0 : Int(count))
}
