import Foundation
import MartletCore

/// A scalar that is a text with a syntax.
protocol TextScalar: Scalar, Hashable {
    var text: String { get }
}

extension TextScalar {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do throws(ScalarIssue) {
            try self.init(reading: .text(try Self.string(in: container)))
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.message)
        }
    }

    private static func string(in container: any SingleValueDecodingContainer) throws(ScalarIssue) -> String {
        guard let text = try? container.decode(String.self) else {
            throw ScalarIssue("Must be a string.", code: "not_a_string")
        }
        return text
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// An `http` or `https` URL.
struct WebAddress: TextScalar {
    static let scalarSchema = ScalarSchema(.string, format: "uri", length: 1...maximumLength)
    static let placeholder = WebAddress()
    static let maximumLength = 500

    let text: String

    private init() { text = "https://example.com" }

    init(reading source: ScalarSource) throws(ScalarIssue) {
        text = try NormalizedText.nfc(
            source.text(maximumCharacters: Self.maximumLength), maximumCharacters: Self.maximumLength)
        try Format.webURL.check(text)
        guard !text.isEmpty else { throw ScalarIssue("Must not be empty.", code: "too_short", params: ["min": "1"]) }
    }
}

/// A permission: the name of a service, a verb and a noun, such as `catalog.add_product`.
struct Permission: TextScalar {
    static let scalarSchema = ScalarSchema(.string, length: 1...maximumLength)
    static let placeholder = Permission()
    /// The maximum length. An access token has room for a hundred permissions.
    static let maximumLength = 100

    let text: String

    private init() { text = "service.view_model" }

    init(reading source: ScalarSource) throws(ScalarIssue) {
        text = try String(reading: source)
        guard text.utf8.count <= Self.maximumLength else {
            throw ScalarIssue(
                "Must have at most \(Self.maximumLength) characters.", code: "too_long",
                params: ["max": "\(Self.maximumLength)"])
        }
        // A service and what may be done, each of words that are joined by underscores.
        let words = text.split(separator: ".", omittingEmptySubsequences: false).map {
            $0.split(separator: "_", omittingEmptySubsequences: false)
        }
        let lowercase = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard words.count == 2, words[1].count >= 2,
            words.joined().allSatisfy({ word in
                !word.isEmpty && word.utf8.allSatisfy { lowercase.contains($0) || digits.contains($0) }
            }),
            words.allSatisfy({ $0.first?.utf8.first.map(lowercase.contains) ?? false })
        else { throw ScalarIssue("Must be a permission such as catalog.add_product.", code: "invalid_format") }
    }
}
