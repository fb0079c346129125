import MartletCore
import Testing

@Suite struct HexadecimalTests {
    @Test func writesTwoDigitsPerByte() {
        #expect(Hexadecimal.text([0, 1, 0x9A, 0xFF]) == "00019aff")
        #expect(Hexadecimal.text([UInt8]()) == "")
        #expect(Hexadecimal.text(0 as UInt64) == "0000000000000000")
        #expect(Hexadecimal.text(0x0123_4567_89AB_CDEF as UInt64) == "0123456789abcdef")
    }

    @Test func readsDigitsOfEitherCase() {
        #expect(Hexadecimal.bytes("00019AfF".utf8) == [0, 1, 0x9A, 0xFF])
        #expect(Hexadecimal.bytes("".utf8) == [])
        for text in ["0", "123", "0g", "g0", "0x", "+1", " 1", "１１", "0\u{301}0"] {
            #expect(Hexadecimal.bytes(text.utf8) == nil, "\(text)")
        }
    }

    @Test func everyByteRoundTrips() {
        let bytes = Array(UInt8.min ... .max)
        #expect(Hexadecimal.bytes(Hexadecimal.text(bytes).utf8) == bytes)
        for byte in bytes {
            #expect(Hexadecimal.value(byte) == Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init))
        }
    }

    @Test func readsDigitsOnce() {
        let counted = CountedBytes(String(repeating: "a", count: 100_001))
        #expect(Hexadecimal.bytes(counted) == nil)
        #expect(counted.reads.value <= counted.bytes.count)
    }
}

@Suite struct PercentEncodingTests {
    @Test func encodesAllButUnreserved() {
        #expect(PercentEncoding.encode("aZ09-._~") == "aZ09-._~")
        #expect(PercentEncoding.encode("/run/a b%+é\0") == "%2Frun%2Fa%20b%25%2B%C3%A9%00")
        #expect(PercentEncoding.encode("") == "")
    }

    @Test func decodesWhatItEncodes() throws {
        for text in ["", "é %41 + / ~", "\u{0}\u{7F}\u{10FFFF}", String(repeating: "%", count: 1000)] {
            #expect(try PercentEncoding.decode(PercentEncoding.encode(text).utf8) == text)
        }
    }

    @Test func decodesPlusToSpaceInFormsOnly() throws {
        #expect(try PercentEncoding.decode("a+b%2b".utf8) == "a+b+")
        #expect(try PercentEncoding.decode("a+b%2b".utf8, plusIsSpace: true) == "a b+")
    }

    @Test func decodesOnce() throws {
        #expect(try PercentEncoding.decode("%2541".utf8) == "%41")
    }

    @Test(arguments: ["%", "%4", "a%4", "%G1", "%1G", "%%41", "%+1", "% 1", "%４１"])
    func rejectsPercentWithoutDigits(_ text: String) throws {
        #expect(throws: PercentEncoding.DecodingError.malformed) { try PercentEncoding.decode(text.utf8) }
        #expect(try PercentEncoding.decode(text.utf8, isLenient: true) == text.replacing("%41", with: "A"))
    }

    @Test(arguments: ["%FF", "%C3", "%C3%28", "%ED%A0%80", "%F4%90%80%80", "%C0%AF"])
    func rejectsInvalidUTF8(_ text: String) {
        #expect(throws: PercentEncoding.DecodingError.notUTF8) { try PercentEncoding.decode(text.utf8) }
        #expect(throws: PercentEncoding.DecodingError.notUTF8) {
            try PercentEncoding.decode(text.utf8, isLenient: true)
        }
    }

    @Test func keepsRequestedBytesEncoded() throws {
        #expect(try PercentEncoding.decode("a%2fb%41".utf8, keeps: { $0 == UInt8(ascii: "/") }) == "a%2fbA")
    }

    @Test(arguments: [String(repeating: "%41", count: 50_000), String(repeating: "%", count: 100_000)])
    func readsInLinearTime(_ text: String) throws {
        let counted = CountedBytes(text)
        _ = try PercentEncoding.decode(counted, isLenient: true)
        #expect(counted.reads.value <= 4 * counted.bytes.count)
    }
}

@Suite struct Base64URLTests {
    /// RFC 4648 §3.5, §5 and §10.
    @Test func rejectsNonCanonicalBase64() {
        let values = [
            "": "", "f": "Zg", "fo": "Zm8", "foo": "Zm9v", "foob": "Zm9vYg", "fooba": "Zm9vYmE", "foobar": "Zm9vYmFy",
        ]
        for (value, text) in values {
            #expect(Base64URL.decode(Array(text.utf8)) == Array(value.utf8))
            #expect(Base64URL.encode(value.utf8) == text)
        }
        #expect(Base64URL.decode(Array("-_-_".utf8)) == [0xFB, 0xFF, 0xBF])
        #expect(Base64URL.encode([0xFB, 0xFF, 0xBF]) == "-_-_")
        for text in ["Z", "Zm9vY", "Zg==", "Zg=", "Zh", "Zm9", "+/+/", "Zm 8", "Zm8\n", "Zm8\0", "Zä"] {
            #expect(Base64URL.decode(Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test func roundTripsEveryLength() {
        for count in 0..<70 {
            let bytes = SecureRandom.bytes(count)
            #expect(Base64URL.decode(Base64URL.encode(bytes).utf8) == bytes)
        }
    }

    @Test func decodesBase64InOnePass() {
        for text in [String(repeating: "A", count: 8192), String(repeating: "_", count: 8191) + "8", "////", "AA=="] {
            let counted = CountedBytes(text)
            _ = Base64URL.decode(counted)
            #expect(counted.reads.value <= counted.bytes.count)
        }
    }
}

@Suite struct SnakeCaseTests {
    @Test(arguments: [
        ("createdAt", "created_at"), ("name", "name"), ("", ""), ("already_snake", "already_snake"), ("x", "x"),
        ("imageURL", "image_url"), ("imageURLPath", "image_url_path"), ("userID", "user_id"),
        ("isAProduct", "is_a_product"),
        ("sha256Sum", "sha256_sum"), ("aB", "a_b"), ("aBC", "a_bc"), ("URL", "url"), ("URLPath", "url_path"),
        ("a_B", "a_b"),
        ("prixÉté", "prixÉté"), ("éÀB", "éÀ_b"),
    ])
    func separatesWords(_ name: String, _ expected: String) {
        #expect(name.snakeCased == expected)
        #expect(Array(SnakeCase(name.utf8)) == Array(expected.utf8))
    }

    @Test func encodesTheSameNames() throws {
        struct Sample: Encodable { let imageURLPath: Int }
        #expect(
            String(decoding: try JSONWriter.bytes(of: Sample(imageURLPath: 1)), as: UTF8.self)
                == #"{"image_url_path":1}"#)
    }

    @Test func readsNamesOnce() {
        let counted = CountedBytes(String(repeating: "aB", count: 10_000))
        #expect(SnakeCase(counted).reduce(0) { count, _ in count + 1 } == 30_000)
        #expect(counted.reads.value <= counted.bytes.count)
    }
}

@Suite struct SecureRandomTests {
    @Test func returnsTheRequestedLength() {
        for count in [0, 1, 7, 8, 9, 32, 1000] { #expect(SecureRandom.bytes(count).count == count) }
        #expect(SecureRandom.text(bytes: 32).utf8.count == 43)
        #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
    }
}

@Suite struct Hash64Tests {
    /// The reference vectors of FNV-1a and SplitMix64.
    @Test func matchesReferenceVectors() {
        #expect(Hash64.fnv1a("".utf8) == 0xCBF2_9CE4_8422_2325)
        #expect(Hash64.fnv1a("a".utf8) == 0xAF63_DC4C_8601_EC8C)
        #expect(Hash64.fnv1a("foobar".utf8) == 0x8594_4171_F739_67E8)
        #expect(Hash64.mix(Hash64.increment) == 0xE220_A839_7B1D_CDAF)
    }
}
