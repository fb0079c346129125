import MartletTesting
import NIOCore
import NIOHPACK
import Testing

@testable import Gateway

@Suite struct HuffmanCodeTests {
    private func encode(_ bytes: [UInt8]) -> [UInt8] {
        var out = ByteBuffer()
        HuffmanCode.encode(bytes, to: &out)
        return Array(out.readableBytesView)
    }

    private func decode(_ bytes: [UInt8]) -> [UInt8]? { bytes.withUnsafeBytes(HuffmanCode.decode) }

    /// RFC 7541, appendix C.4 and C.6.
    @Test(arguments: [
        ("www.example.com", [0xF1, 0xE3, 0xC2, 0xE5, 0xF2, 0x3A, 0x6B, 0xA0, 0xAB, 0x90, 0xF4, 0xFF] as [UInt8]),
        ("no-cache", [0xA8, 0xEB, 0x10, 0x64, 0x9C, 0xBF]),
        ("302", [0x64, 0x02]),
    ])
    func matchesTheExamplesOfTheRFC(_ text: String, _ code: [UInt8]) {
        #expect(encode(Array(text.utf8)) == code)
        #expect(HuffmanCode.encodedLength(text.utf8) == code.count)
        #expect(decode(code) == Array(text.utf8))
    }

    @Test func everyByteRoundTrips() {
        for byte in UInt8.min...UInt8.max {
            for count in 1...9 {
                let bytes = [UInt8](repeating: byte, count: count)
                #expect(decode(encode(bytes)) == bytes)
            }
        }
        let all = Array(UInt8.min...UInt8.max)
        #expect(decode(encode(all + all.reversed())) == all + all.reversed())
    }

    @Test(
        arguments: [
            // The end-of-string symbol, eight bits of padding, zero padding, a truncated code.
            [0xFF, 0xFF, 0xFF, 0xFF], [0x64, 0x02, 0xFF], [0x64, 0x00, 0x00], [0xFF, 0xFF], [0xFE],
        ] as [[UInt8]])
    func rejectsInvalidEncodings(_ code: [UInt8]) {
        #expect(decode(code) == nil)
    }

    @Test(.seeded) func survivesAnyBytes() {
        var random = SeededRandom()
        for length in 0..<300 {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = decode(bytes)
        }
    }
}

@Suite struct HeaderBlockTests {
    private func decode(_ decoder: inout HeaderBlockDecoder, _ block: [UInt8]) throws -> [HeaderField] {
        try block.withUnsafeBytes { bytes throws in try decoder.decode(bytes) }
    }

    private func field(_ name: String, _ value: String) -> HeaderField {
        HeaderField(name: Array(name.utf8), value: Array(value.utf8))
    }

    /// Whatever table size the peer allows, the encoder's table and the cost of searching it stay small.
    @Test func encoderTableStaysSmall() throws {
        var encoder = HeaderBlockEncoder()
        encoder.setLimit(Int(Int32.max))
        var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        let rounds = 500
        for round in 0..<rounds {
            let fields = (0..<10).map { ("x-\($0)", "value \(round)") } + [("content-type", "text/plain")]
            var block = ByteBuffer()
            encoder.encode(HPACKHeaders([(":status", "206")] + fields), to: &block)
            let decoded = try decoder.decodeHeaders(from: &block)
            #expect(decoded.count == 12)
            #expect(encoder.table.size <= HeaderTable.maximumSize)
        }
        let mostEntries = HeaderTable.maximumSize / HeaderTable.overhead
        #expect(encoder.table.comparisons <= rounds * 12 * mostEntries)
    }

    @Test func repeatedFieldsTakeOneByteEach() throws {
        var encoder = HeaderBlockEncoder()
        let headers = HPACKHeaders([(":status", "200"), ("content-type", "text/html"), ("x-frame-options", "DENY")])
        var first = ByteBuffer()
        var second = ByteBuffer()
        encoder.encode(headers, to: &first)
        encoder.encode(headers, to: &second)
        #expect(second.readableBytes == 3)
    }

    @Test func announcesAShrinkingTable() throws {
        var encoder = HeaderBlockEncoder()
        var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        for limits in [[], [100], [0, 4096], [50, 1 << 30], [4096]] {
            for limit in limits { encoder.setLimit(limit) }
            for _ in 0..<3 {
                var block = ByteBuffer()
                encoder.encode(HPACKHeaders([(":status", "200"), ("a", "b"), ("c", "d")]), to: &block)
                let decoded = try decoder.decodeHeaders(from: &block)
                #expect(decoded.first(name: "c") == "d")
            }
        }
    }

    @Test func doesNotIndexSecretOrVolatileFields() {
        var encoder = HeaderBlockEncoder()
        var headers = HPACKHeaders()
        headers.add(name: "set-cookie", value: "a=b", indexing: .neverIndexed)
        headers.add(name: "etag", value: "x", indexing: .nonIndexable)
        headers.add(name: "x", value: String(repeating: "a", count: 600))
        var block = ByteBuffer()
        encoder.encode(headers, to: &block)
        #expect(encoder.table.count == 0)
    }

    @Test func readsBlocksOfOtherEncoders() throws {
        var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
        var decoder = HeaderBlockDecoder(limit: 1 << 16)
        for round in 0..<200 {
            let fields = [
                (":method", "GET"), (":path", "/\(round % 7)"), ("cookie", "a=\(round)"), ("x-\(round % 30)", "b"),
            ]
            var block = ByteBuffer()
            try encoder.encode(headers: HPACKHeaders(fields), to: &block)
            let decoded = try decode(&decoder, Array(block.readableBytesView))
            #expect(decoded == fields.map { field($0.0, $0.1) })
        }
        #expect(decoder.table.size <= HeaderTable.maximumSize)
    }

    @Test(
        arguments: [
            // Index 0, an index beyond the table, a size update after a field, one that is too large, three of them, an
            // endless integer, a truncated string, an empty name.
            [0x80], [0xFF, 0x20], [0x82, 0x20], [0x3F, 0xE2, 0x1F], [0x20, 0x20, 0x20, 0x82],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x00, 0x05, 0x61], [0x00, 0x00, 0x00], [0x40],
        ] as [[UInt8]])
    func rejectsMalformedBlocks(_ block: [UInt8]) {
        var decoder = HeaderBlockDecoder(limit: 1 << 16)
        #expect(throws: HeaderBlockDecoder.Failure.malformed) { try decode(&decoder, block) }
    }

    /// A large field is added to the table once, then referenced with one byte each time. Decoding stops at the limit.
    @Test func limitsTheDecodedSize() {
        let limit = 36_000
        var decoder = HeaderBlockDecoder(limit: limit)
        var block: [UInt8] = [0x40, 0x01, 0x61, 0x7F, 0xE1, 0x1D]
        block += [UInt8](repeating: 0x62, count: 127 + 0x61 + 0x1D << 7)
        block += [UInt8](repeating: 0xBE, count: 16_000)
        #expect(throws: HeaderBlockDecoder.Failure.tooLarge) { try decode(&decoder, block) }
    }

    @Test func decodingCostIsLinear() throws {
        // The maximum number of entries, replaced continuously.
        var decoder = HeaderBlockDecoder(limit: 1 << 20)
        var block: [UInt8] = []
        for index in 0..<5000 { block += [0x40, 0x01, 0x61, 0x01, UInt8(index & 0x7F)] }
        let fields = try decode(&decoder, block)
        #expect(fields.count == 5000)
        #expect(decoder.table.count <= HeaderTable.maximumSize / HeaderTable.overhead)
        #expect(decoder.table.comparisons == 0)
    }

    @Test(.seeded) func survivesRandomBlocks() {
        var random = SeededRandom()
        for _ in 0..<5000 {
            var decoder = HeaderBlockDecoder(limit: 1 << 12)
            let bytes = (0..<Int(random.next() % 60)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = try? decode(&decoder, bytes)
        }
    }

    @Test func invalidUTF8RoundTrips() throws {
        let bytes: [UInt8] = [0x61, 0xE9, 0xFF, 0x80, 0x62]
        let text = bytes.withUnsafeBytes(HTTP2Text.text)
        #expect(HTTP2Text.bytes(text) == bytes)
        #expect(HTTP2Text.length(bytes) == text.utf8.count)
        var out = ByteBuffer()
        HTTP2Text.write(bytes, to: &out)
        #expect(String(buffer: out) == text)
        var block = ByteBuffer()
        HeaderBlockEncoder.writePlain([HeaderField(name: Array("x".utf8), value: bytes)], to: &block)
        var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
        #expect(try decoder.decodeHeaders(from: &block).first(name: "x") == text)
    }
}
