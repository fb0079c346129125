/// Signs and names next to a price, and their ISO 4217 codes.
enum Currencies {
    /// The possible currencies of a sign. Without another indication, the first is meant; an empty text in its place
    /// marks an ambiguous sign.
    private static let signs: [String: [String]] = [
        "$": ["USD", "CAD", "AUD", "NZD", "SGD", "HKD", "TWD", "MXN", "ARS", "CLP", "COP"],
        "US$": ["USD"], "€": ["EUR"], "£": ["GBP", "EGP"], "¥": ["", "CNY", "JPY"], "￥": ["", "CNY", "JPY"],
        "元": ["CNY", "TWD", "HKD"], "円": ["JPY"], "₹": ["INR"], "₩": ["KRW"], "₽": ["RUB"], "₺": ["TRY"],
        "₫": ["VND"], "₴": ["UAH"], "R$": ["BRL"], "C$": ["CAD"], "CA$": ["CAD"], "A$": ["AUD"], "AU$": ["AUD"],
        "HK$": ["HKD"], "NT$": ["TWD"], "S$": ["SGD"], "zł": ["PLN"], "Kč": ["CZK"], "Ft": ["HUF"],
        "kr": ["", "SEK", "NOK", "DKK", "ISK"],
    ]

    enum Meaning: Equatable {
        case code(String)
        /// The sign may mean several currencies.
        case unclear
        /// The row specifies another currency.
        case contradicts(String)
        case unknown
    }

    /// - Parameters:
    ///   - sign: the text next to the price: `€`, `EUR`.
    ///   - code: the currency of the row or of `--currency`.
    static func meaning(of sign: String, code: String?) -> Meaning {
        let bytes = Array(sign.utf8)
        let isCode = bytes.count == 3 && bytes.allSatisfy { (0x41...0x5A).contains($0 & 0xDF) }
        guard let possible = signs[sign] ?? (isCode ? [sign.uppercased()] : nil) else { return .unknown }
        if let code { return possible.contains(code) ? .code(code) : .contradicts(code) }
        guard let first = possible.first, !first.isEmpty else { return .unclear }
        return .code(first)
    }
}
