import MartletCSV

/// Converts the numbers of a row to the format of the API, and finds the currency of a price.
struct ProductValues {
    let decimal: DecimalMark
    /// The currency of `--currency`.
    let currency: String?

    struct Complaint {
        let field: String
        let message: String
    }

    /// Replaces `price` and `stock` with plain numbers and `currency` with a code. A text that is not a number stays,
    /// and the field's own rule rejects it.
    /// - Parameter isUpdate: whether a row without a price keeps the currency.
    func complete(_ texts: inout [String: String], _ isUpdate: Bool) -> [Complaint] {
        var complaints: [Complaint] = []
        if let text = texts["stock"], let number = WrittenNumber(text), number.currency == nil {
            if let plain = number.plain(decimal) {
                texts["stock"] = Self.withoutEmptyDecimals(plain)
            } else {
                complaints.append(Complaint(field: "stock", message: otherMark))
            }
        }
        if let code = texts["currency"], code.utf8.count == 3 { texts["currency"] = code.uppercased() }
        guard let text = texts["price"] else {
            if !isUpdate, texts["currency"] == nil { texts["currency"] = currency }
            return complaints
        }
        let said = texts["currency"] ?? currency
        if let said { texts["currency"] = said }
        guard let number = WrittenNumber(text) else { return complaints }
        if let plain = number.plain(decimal) {
            texts["price"] = plain
        } else {
            complaints.append(Complaint(field: "price", message: otherMark))
        }
        if let sign = number.currency, said.map({ $0.utf8.count == 3 }) ?? true {
            switch Currencies.meaning(of: sign, code: said) {
            case .code(let code): texts["currency"] = code
            case .unclear:
                complaints.append(
                    Complaint(
                        field: "price", message: "'\(sign)' is the sign of several currencies; set --currency CODE."))
            case .contradicts(let code):
                complaints.append(Complaint(field: "price", message: "'\(sign)' is not \(code)."))
            case .unknown: texts["price"] = text
            }
        }
        return complaints
    }

    private var otherMark: String {
        decimal == .point
            ? "Does not fit a decimal point; set --decimal comma if the file has decimal commas."
            : "Does not fit a decimal comma; set --decimal point if the file has decimal points."
    }

    /// Spreadsheets write 39 as `39.0`.
    private static func withoutEmptyDecimals(_ number: String) -> String {
        guard let point = number.firstIndex(of: "."), number[point...].dropFirst().allSatisfy({ $0 == "0" }) else {
            return number
        }
        return String(number[..<point])
    }
}
