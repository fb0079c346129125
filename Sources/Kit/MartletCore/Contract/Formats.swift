extension Format {
    /// One `@` between a local part and a domain with a dot; at most 254 bytes (RFC 5321 §4.5.3.1). Accepts letters of
    /// any script (RFC 6531). Does not check whether the mailbox exists.
    public static let email = Format(
        "email", message: "Must be an e-mail address such as ann@example.com.", code: "invalid_email"
    ) { text in
        // Check the length first: the code below compares characters, which have no maximum length.
        guard text.utf8.count <= 254 else { return false }
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, (1...64).contains(parts[0].utf8.count),
            !text.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.value < 0x21 || $0.value == 0x7F }),
            !text.contains(where: { "<>()[],;:\\\"".contains($0) })
        else { return false }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { !$0.isEmpty && $0.utf8.count <= 63 && $0.first != "-" && $0.last != "-" }
            && !parts[0].hasPrefix(".") && !parts[0].hasSuffix(".") && !parts[0].contains("..")
    }

    /// Empty, or an absolute `http` or `https` URL, which is safe as a link target.
    public static let webURL = Format(
        #"^$|^https?://[^\s<>"\\]+$"#, message: "Must be a web address such as https://example.com.",
        code: "invalid_url"
    ) { text in
        if text.isEmpty { return true }
        let rest: Substring
        if text.prefix(8).lowercased() == "https://" {
            rest = text.dropFirst(8)
        } else if text.prefix(7).lowercased() == "http://" {
            rest = text.dropFirst(7)
        } else {
            return false
        }
        return rest.first.map { $0.isLetter || $0.isNumber || $0 == "[" } ?? false
            && !text.unicodeScalars.contains {
                $0.properties.isWhitespace || $0.value < 0x21 || "\"<>\\".unicodeScalars.contains($0)
            }
    }

    /// A currency code of ISO 4217: three capital letters.
    public static let currency = Format(
        "^[A-Z]{3}$", message: "Must be a currency code of three capital letters, such as EUR.",
        code: "invalid_currency"
    ) { text in
        text.utf8.count == 3 && text.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }
}
