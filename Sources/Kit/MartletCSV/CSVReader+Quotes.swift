/// Reads quoted cells, including stray quotes inside them.
extension CSVReader {
    /// The meaning of a stray quote, which neither ends the cell nor is doubled.
    private enum Stray {
        /// The quote is part of the text: `"12" record",5`.
        case literal
        /// The cell is not quoted; its quotes are part of the text: `"Best" tea,5`.
        case notQuoted
    }

    /// - Throws: ``CSVError/syntax(line:message:)`` when the closing quote of this cell or of an earlier one is
    ///   missing.
    mutating func quoted(from start: Int, openedAt opening: Int) throws(CSVError) -> String {
        var text: [UInt8] = []
        var index = opening + 1
        var breaks = 0
        // The meaning of all stray quotes before `until`, found once for all of them.
        var known: (meaning: Stray, until: Int)?
        while true {
            guard index < bytes.count else { throw .syntax(line: line, message: "a quote is not closed") }
            guard text.count <= Self.maximumCell else { return try self.text(text, at: line) }
            let byte = bytes[index]
            steps += 1
            guard byte == quote else {
                if isLineBreak(index, ofTwo: false) { breaks += 1 }
                text.append(byte)
                index += 1
                continue
            }
            if index + 1 < bytes.count, bytes[index + 1] == quote {
                text.append(quote)
                index += 2
                continue
            }
            let after = afterBlanks(index + 1)
            if after == bytes.count || isEnd(bytes[after]) {
                position = after
                line += breaks
                return try self.text(text, at: line - breaks)
            }
            if index - 1 > opening, isEnd(bytes[index - 1]) {
                throw .syntax(
                    line: line, message: "a quote is not closed before the one in line \(line + breaks)")
            }
            let found: (meaning: Stray, until: Int)
            if let known, index < known.until { found = known } else { found = stray(at: index) }
            known = found
            switch found.meaning {
            case .literal:
                text.append(quote)
                index += 1
            case .notQuoted:
                let first = line
                let whole = try plain(from: start, onward: index)
                line = first + breaks
                return whole
            }
        }
    }

    /// Scans the rest of the line: is there a closing quote before another cell begins with a quote?
    private mutating func stray(at index: Int) -> (Stray, until: Int) {
        var next = index + 1
        while next < bytes.count {
            let byte = bytes[next]
            steps += 1
            if byte == delimiter {
                let after = afterBlanks(next + 1)
                if after < bytes.count, bytes[after] == quote { return (.notQuoted, next) }
            } else if isEnd(byte) {
                return (.notQuoted, next)
            } else if byte == quote {
                if next + 1 < bytes.count, bytes[next + 1] == quote {
                    next += 2
                    continue
                }
                let after = afterBlanks(next + 1)
                if after == bytes.count || isEnd(bytes[after]) { return (.literal, next) }
            }
            next += 1
        }
        return (.notQuoted, next)
    }
}
