/// A number as people write it: `1,234.50`, `1.234,50`, `15 000`, `.5`, `$2.50`, `2,50 EUR`.
///
/// `1,234` alone is ambiguous; ``DecimalEvidence`` resolves it with the other numbers of the file.
public struct WrittenNumber: Sendable, Equatable {
    /// The text before or after the number, such as `$`, `EUR` or `kr`; nil if there is none.
    public let currency: String?
    private let isNegative: Bool
    /// The digits between the separators. The first group may be empty, as in `.5`.
    private let groups: [[UInt8]]
    /// The separators between the groups: `.`, `,`, or a space for every kind of space and apostrophe.
    private let separators: [UInt8]

    /// The longest text that is parsed, in bytes.
    static let maximumLength = 64

    /// - Returns: nil when the text is not a number in any notation.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength else { return nil }
        let scalars = Array(text.unicodeScalars)
        func isDigit(_ index: Int) -> Bool { index < scalars.count && ("0"..."9").contains(scalars[index]) }
        let first = scalars.indices.first { isDigit($0) || Self.isPoint(scalars[$0]) && isDigit($0 + 1) }
        guard let first, let last = scalars.indices.last(where: isDigit) else { return nil }

        guard let (sign, before) = Self.affix(scalars[..<first], mayHaveSign: true),
            let (_, behind) = Self.affix(scalars[(last + 1)...], mayHaveSign: false),
            before.isEmpty || behind.isEmpty
        else { return nil }
        isNegative = sign
        currency = before.isEmpty ? (behind.isEmpty ? nil : behind) : before

        var groups: [[UInt8]] = [[]]
        var separators: [UInt8] = []
        for scalar in scalars[first...last] {
            if ("0"..."9").contains(scalar) {
                groups[groups.count - 1].append(UInt8(truncatingIfNeeded: scalar.value))
            } else if Self.isPoint(scalar) || Self.isGroupingBlank(scalar) {
                // Two separators in a row are invalid.
                guard groups.count == 1 || groups.last?.isEmpty == false else { return nil }
                separators.append(Self.isPoint(scalar) ? UInt8(truncatingIfNeeded: scalar.value) : 0x20)
                groups.append([])
            } else {
                return nil
            }
        }
        self.groups = groups
        self.separators = separators
        guard plain(.point) != nil || plain(.comma) != nil else { return nil }
    }

    /// The decimal mark if the number determines it; otherwise nil.
    public var mark: DecimalMark? {
        switch (plain(.point), plain(.comma)) {
        case (.some, nil): separators.contains { $0 != 0x20 } ? .point : nil
        case (nil, .some): separators.contains { $0 != 0x20 } ? .comma : nil
        default: nil
        }
    }

    /// Whether its value depends on the decimal mark, as for `1,234`.
    public var isAmbiguous: Bool { plain(.point) != plain(.comma) && plain(.point) != nil && plain(.comma) != nil }

    /// The number in plain notation with a decimal point: `1234.50`.
    /// - Returns: nil when the number is invalid with this mark.
    public func plain(_ mark: DecimalMark) -> String? {
        var whole = groups
        var fraction: [UInt8]?
        var grouping = separators
        if separators.last == mark.byte {
            fraction = whole.removeLast()
            grouping.removeLast()
        }
        // One kind of grouping, in groups of three; in India, of two except the last.
        guard !grouping.contains(mark.byte), Set(grouping).count <= 1 else { return nil }
        if !grouping.isEmpty {
            guard (1...3).contains(whole[0].count), whole.last?.count == 3, whole[0] != [UInt8(ascii: "0")],
                whole.dropFirst().dropLast().allSatisfy({ $0.count == 3 || $0.count == 2 && grouping[0] == 0x2C })
            else { return nil }
        }
        let digits = whole.flatMap { $0 }
        guard !digits.isEmpty || fraction?.isEmpty == false else { return nil }
        let integer = digits.isEmpty ? "0" : String(decoding: digits, as: UTF8.self)
        let decimals = fraction.map { "." + String(decoding: $0, as: UTF8.self) } ?? ""
        return (isNegative ? "-" : "") + integer + decimals
    }

    private static func isPoint(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }

    /// Includes non-breaking spaces and the apostrophes used in Switzerland.
    private static func isGroupingBlank(_ scalar: Unicode.Scalar) -> Bool {
        [" ", "\u{A0}", "\u{2007}", "\u{2009}", "\u{202F}", "'", "\u{2019}"].contains(scalar)
    }

    /// Reads the sign and the currency beside a number.
    /// - Returns: nil when there are two signs.
    private static func affix(
        _ scalars: ArraySlice<Unicode.Scalar>, mayHaveSign: Bool
    ) -> (isNegative: Bool, currency: String)? {
        var text = String.UnicodeScalarView()
        var sign: Bool?
        for scalar in scalars {
            switch scalar {
            case "-", "\u{2212}", "+":
                guard mayHaveSign, sign == nil else { return nil }
                sign = scalar != "+"
            case _ where scalar.properties.isWhitespace: break
            default: text.append(scalar)
            }
        }
        return (sign ?? false, String(text))
    }
}

/// The separator between the integer part and the decimals.
public enum DecimalMark: String, Sendable, CaseIterable {
    case point, comma

    var byte: UInt8 { self == .point ? UInt8(ascii: ".") : UInt8(ascii: ",") }
}
