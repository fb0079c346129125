import MartletSystem

/// Writes results to standard output, and errors and progress to standard error. Unbuffered, so that each line appears
/// at once.
package enum Terminal {
    package static func print(_ line: String) { emit(line + "\n", to: STDOUT_FILENO) }

    /// Writes errors and ends the process.
    package static func fail(_ lines: [String], status: Int32) -> Never {
        for line in lines { complain("\(Composition.current.program): \(line)") }
        exit(status)
    }

    /// Writes an error. It may quote a file, so control characters are escaped.
    package static func complain(_ line: String) {
        emit(shown(line) + "\n", to: STDERR_FILENO)
    }

    /// A line with its control characters escaped: `\u{1B}`.
    package static func shown(_ line: String) -> String {
        line.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control && scalar != "\n"
                ? scalar.escaped(asASCII: true) : String(scalar)
        }.joined()
    }

    /// `1 product`, `2 products`.
    package static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// Draws a bar over the previous one, if standard error is a terminal.
    package static func progress(_ done: Int, of total: Int) {
        guard isatty(STDERR_FILENO) == 1, total > 0 else { return }
        let width = 40
        let filled = min(width, done * width / total)
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
        emit("\r[\(bar)] \(done)/\(total)\(done >= total ? "\n" : "")", to: STDERR_FILENO)
    }

    private static func emit(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = write(descriptor, Array(rest), rest.count)
                guard written > 0 else { return }
                rest = rest.dropFirst(written)
            }
        }
    }
}
