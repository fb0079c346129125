import SwiftProtobuf

/// `google.api.HttpRule`: an HTTP mapping of a method.
struct HTTPRule: Equatable, Sendable {
    /// The number of the extension `google.api.http` of `google.protobuf.MethodOptions`.
    private static let extensionNumber = 72_295_728

    var method = ""
    var path = ""
    /// Empty for no body, `*` for the whole message, else the name of a field.
    var body = ""
    var responseBody = ""

    /// The rules of a method, one per binding.
    /// - Throws: ``DescriptorError`` when the option is malformed.
    static func rules(of options: Google_Protobuf_MethodOptions) throws(DescriptorError) -> [HTTPRule] {
        do {
            // SwiftProtobuf preserves the bytes of unknown fields.
            let bytes: [UInt8] = try options.serializedBytes()
            var reader = WireReader(bytes)
            var rules: [HTTPRule] = []
            while let (number, value) = try reader.next() {
                guard number == extensionNumber, case .bytes(let range) = value else { continue }
                rules += try read(bytes, range, isAdditional: false)
            }
            return rules
        } catch {
            throw DescriptorError("a google.api.http option cannot be read")
        }
    }

    private static func read(
        _ bytes: [UInt8], _ range: Range<Int>, isAdditional: Bool
    ) throws(WireReader.Malformed) -> [HTTPRule] {
        var rule = HTTPRule()
        var additional: [HTTPRule] = []
        var reader = WireReader(bytes, range)
        while let (number, value) = try reader.next() {
            guard case .bytes(let content) = value else { continue }
            let text = String(decoding: bytes[content], as: UTF8.self)
            switch number {
            case 2: (rule.method, rule.path) = ("GET", text)
            case 3: (rule.method, rule.path) = ("PUT", text)
            case 4: (rule.method, rule.path) = ("POST", text)
            case 5: (rule.method, rule.path) = ("DELETE", text)
            case 6: (rule.method, rule.path) = ("PATCH", text)
            case 7: rule.body = text
            case 8: try rule.readCustom(bytes, content)
            // Additional bindings do not nest.
            case 11 where !isAdditional: additional += try read(bytes, content, isAdditional: true)
            case 12: rule.responseBody = text
            default: break
            }
        }
        return (rule.path.isEmpty ? [] : [rule]) + additional
    }

    private mutating func readCustom(_ bytes: [UInt8], _ range: Range<Int>) throws(WireReader.Malformed) {
        var reader = WireReader(bytes, range)
        while let (number, value) = try reader.next() {
            guard case .bytes(let content) = value else { continue }
            let text = String(decoding: bytes[content], as: UTF8.self)
            if number == 1 { method = text }
            if number == 2 { path = text }
        }
    }
}
