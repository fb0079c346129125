import MartletCSV

/// The numbers of a row as the API writes them, and the currency that a price says.
struct ProductValues {
    let decimal: DecimalMark
    /// What `--currency` says.
    let currency: String?

    struct Complaint {
        let field: String
        let message: String
    }

    /// Puts plain numbers into `price` and `stock`, and a code into `currency`. What is no number in any way of writing stays
    /// as it is: the field's own rule refuses it.
    /// - Parameter isUpdate: whether a row without a price leaves the currency as it is.
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
                        field: "price", message: "'\(sign)' is the sign of several currencies; say --currency CODE."))
            case .contradicts(let code):
                complaints.append(Complaint(field: "price", message: "'\(sign)' is not \(code)."))
            case .unknown: texts["price"] = text
            }
        }
        return complaints
    }

    private var otherMark: String {
        decimal == .point
            ? "Does not fit a decimal point; say --decimal comma if the file has decimal commas."
            : "Does not fit a decimal comma; say --decimal point if the file has decimal points."
    }

    /// Spreadsheets write 39 as `39.0`.
    private static func withoutEmptyDecimals(_ number: String) -> String {
        guard let point = number.firstIndex(of: "."), number[point...].dropFirst().allSatisfy({ $0 == "0" }) else {
            return number
        }
        return String(number[..<point])
    }
}
