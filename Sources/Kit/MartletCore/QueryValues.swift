extension String {
    /// The URL with `***` for the values in its query (RFC 3986 §3.4) and for its fragment, which may contain an API
    /// key. Parameter names are kept; a parameter without `=` is replaced as a whole.
    public var withoutQueryValues: String {
        guard let start = utf8.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) else {
            return self
        }
        var result = String(self[..<start])
        var rest = self[start...]
        var fragment = ""
        if let hash = rest.utf8.firstIndex(of: UInt8(ascii: "#")) {
            fragment = "#***"
            rest = rest[..<hash]
        }
        if !rest.isEmpty {
            result += "?"
            result += rest.utf8.dropFirst().split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false).map {
                (part) -> String in
                if part.isEmpty { return "" }
                let name = part.prefix { $0 != UInt8(ascii: "=") }
                return name.count == part.count ? "***" : String(Substring(name)) + "=***"
            }.joined(separator: "&")
        }
        return result + fragment
    }
}
