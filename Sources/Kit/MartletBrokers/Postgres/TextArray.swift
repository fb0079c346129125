/// The text of a PostgreSQL array: `{"one","two",NULL}`. One value instead of many keeps a statement's text the same
/// for every number of elements, so that it is prepared once.
struct TextArray {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    /// The text in PostgreSQL's grammar.
    var text: String { String(decoding: bytes + [UInt8(ascii: "}")], as: UTF8.self) }

    init(_ elements: some Sequence<String?>) {
        for element in elements { append(element) }
    }

    private mutating func append(_ element: String?) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        guard let element else {
            bytes.append(contentsOf: "NULL".utf8)
            return
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in element.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
