extension StringProtocol {
    /// The text without the whitespace around it, no-break spaces included.
    package var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
