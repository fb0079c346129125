import MartletCore
import Testing

/// The parser's work for the worst inputs, counted in steps.
@Suite struct JSONCostTests {
    private static let size = 1024 * 1024

    private func comparisons(_ text: String) throws -> Int { try JSONValue.parse(Array(text.utf8)).comparisons }

    /// A megabyte of distinct names: each costs at most sixteen comparisons.
    @Test func comparingNamesCostsLinearTime() throws {
        let names = (0..<90_000).map { #""\#($0)":1"# }
        #expect(try comparisons("{\(names.joined(separator: ","))}") <= names.count + 16 * 16)
        let small = #"{"a":1,"b":2,"c":3}"#
        let objects = Array(repeating: small, count: 50_000).joined(separator: ",")
        #expect(try comparisons("[\(objects)]") <= 3 * 50_000)
    }

    /// Names are compared as bytes: canonically equivalent names differ, and combining marks are not sorted.
    @Test func comparesNamesAsBytes() throws {
        let marks = "a" + String(repeating: "\u{301}\u{316}", count: 100_000)
        let other = "a" + String(repeating: "\u{316}\u{301}", count: 100_000)
        let value = try JSONValue(parsing: Array(#"{"\#(marks)":1,"\#(other)":2}"#.utf8))
        #expect(value.objectValue?.count == 2)
        let two = try JSONValue(parsing: Array("{\"\u{E9}\":1,\"e\u{301}\":2}".utf8))
        #expect(two["\u{E9}"] == 1 && two["e\u{301}"] == 2)
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(#"{"\#(marks)":1,"\#(marks)":2}"#.utf8)) }
    }

    @Test func findsDuplicateNames() throws {
        for count in [1, 2, 15, 16, 17, 40] {
            let members = (0..<count).map { #""n\#($0)":1"# }.joined(separator: ",")
            for twice in [0, count / 2, count - 1] {
                #expect(throws: JSONError.self, "n\(twice) of \(count)") {
                    try JSONValue(parsing: Array(#"{\#(members),"n\#(twice)":2}"#.utf8))
                }
            }
            #expect(try JSONValue(parsing: Array("{\(members)}".utf8)).objectValue?.count == count)
        }
    }

    @Test func limitsTheValuesOfABody() throws {
        func error(_ text: String) -> JSONError? {
            do throws(JSONError) {
                _ = try JSONValue(parsing: Array(text.utf8), limits: .requestBody)
                return nil
            } catch {
                return error
            }
        }
        func list(_ count: Int) -> String { "[\(Array(repeating: "1", count: count).joined(separator: ","))]" }
        #expect(error(list(9999)) == nil)
        #expect(error(list(10_000))?.isTooMuch == true)
        #expect(error(list(500_000))?.column == 20_000, "is refused where the limit is")
        let name = String(repeating: "n", count: 256)
        #expect(error(#"{"\#(name)":1}"#) == nil)
        #expect(error(#"{"\#(name)n":1}"#)?.reason == "member name longer than 256 bytes")
        #expect(error(String(repeating: "9", count: 1024)) == nil)
        #expect(error(String(repeating: "9", count: 1025))?.reason == "number longer than 1024 bytes")
    }

    /// Comparing objects visits each member once, in any order.
    @Test func comparesLargeObjectsInAnyOrder() {
        let members = (0..<20_000).map { ("n\($0)", JSONValue.number("\($0)")) }
        #expect(JSONValue.object(members) == .object(members.reversed()))
        var other = members
        other[0].1 = "else"
        #expect(JSONValue.object(members) != .object(other.reversed()))
    }

    @Test func clipsNamesByBytes() {
        #expect("short".clipped() == "short")
        #expect("abcdef".clipped(toUTF8: 3) == "abc…")
        #expect("aé".clipped(toUTF8: 2) == "a…")
        let marks = "a" + String(repeating: "\u{301}", count: 1000)
        #expect(marks.clipped(toUTF8: 100).utf8.count <= 104)
    }
}

@Suite struct SuggestionCostTests {
    /// A name is compared within a band of seven letters, so long ones cost no more than their length.
    @Test func comparingCostsLinearTime() {
        let names = (0..<60).map { String(repeating: "a", count: 63) + "\($0 % 10)" }
        var steps = 0
        _ = Suggestion.closest(to: String(repeating: "b", count: 64), among: names, steps: &steps)
        #expect(steps <= 60 * 64 * 7)
    }
}
