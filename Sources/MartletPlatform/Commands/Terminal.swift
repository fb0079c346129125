#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What people read: results on standard output, complaints and progress on standard error. Unbuffered, so that a
/// line is there when the next thing happens.
package enum Terminal {
    package static func print(_ line: String) { emit(line + "\n", to: STDOUT_FILENO) }

    /// Complains and ends the process.
    package static func fail(_ lines: [String], status: Int32) -> Never {
        for line in lines { complain("\(Composition.current.program): \(line)") }
        exit(status)
    }

    /// What is complained about may come from a file: its control characters are shown, not obeyed.
    package static func complain(_ line: String) {
        emit(shown(line) + "\n", to: STDERR_FILENO)
    }

    /// A line with its control characters as people read them: `\u{1B}`.
    package static func shown(_ line: String) -> String {
        line.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control && scalar != "\n"
                ? scalar.escaped(asASCII: true) : String(scalar)
        }.joined()
    }

    /// `1 product`, `2 products`.
    package static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    /// Draws a bar over the one before; nothing where nobody watches.
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
