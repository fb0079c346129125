/// Infers the decimal mark of a file from all of its numbers.
public struct DecimalEvidence: Sendable {
    /// A number and its line.
    public struct Witness: Sendable, Equatable {
        public let line: Int
        public let text: String

        public init(line: Int, text: String) {
            self.line = line
            self.text = text
        }
    }

    public enum Verdict: Sendable, Equatable {
        case mark(DecimalMark)
        /// One number has a point and another a comma.
        case contradiction(Witness, Witness)
        /// No number determines the mark, and this one is ambiguous.
        case undecided(Witness)
    }

    private var point: Witness?
    private var comma: Witness?
    private var ambiguous: Witness?

    public init() {}

    public mutating func add(_ number: WrittenNumber, _ text: String, line: Int) {
        let witness = Witness(line: line, text: text)
        switch number.mark {
        case .point: point = point ?? witness
        case .comma: comma = comma ?? witness
        case nil: if number.isAmbiguous { ambiguous = ambiguous ?? witness }
        }
    }

    public var verdict: Verdict {
        switch (point, comma) {
        case (let point?, let comma?): .contradiction(point, comma)
        case (.some, nil): .mark(.point)
        case (nil, .some): .mark(.comma)
        case (nil, nil): ambiguous.map { .undecided($0) } ?? .mark(.point)
        }
    }
}
