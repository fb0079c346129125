import MartletCore
import Testing

private struct Resource: Versioned {
    var updatedAt = Timestamp(microseconds: 36)
    var representation: String?
}

@Suite struct PreconditionTests {
    @Test(
        arguments: [
            (nil, true), ("*", true), (#""10""#, true), (#""9", "10""#, true), (#""9","10""#, true),
            // Another representation of the same version.
            (#""10-abc""#, true), (#""a,b", "10-x""#, true),
            ("", false), (#""9""#, false), (#""100""#, false), (#""1""#, false), (#""""#, false), (#""-10""#, false),
            // Weak tags never match (RFC 9110 §13.1.1), nor do tags without quotes.
            (#"W/"10""#, false), ("10", false), (#""10"#, false), (#"10""#, false), (#""9, 10""#, false),
        ] as [(String?, Bool)])
    func acceptsTheVersionsOfTheHeader(ifMatch: String?, isAccepted: Bool) {
        let precondition = Precondition(ifMatch: ifMatch)
        for resource in [Resource(), Resource(representation: "abc")] {
            if isAccepted {
                #expect(throws: Never.self) { try precondition.require(resource) }
            } else {
                #expect(throws: Problem.preconditionFailed) { try precondition.require(resource) }
            }
        }
    }
}
