import Foundation
import MartletCore
import MartletMessaging
import MartletServices
import MartletWeb
import Testing

@Suite struct GoldenPayloadTests {
    static let events = MartletServices.all.flatMap { $0.events }

    @Test(arguments: events.map { $0.type })
    func everyVersionIsDecoded(type: String) throws {
        let event = try #require(Self.events.first { $0.type == type })
        #expect(try GoldenPayloads.read().complaints(about: event) == [])
    }

    @Test func everyFileIsOfAnEvent() throws {
        let golden = try GoldenPayloads.read()
        let known = Self.events.flatMap { event in
            (1...event.version).flatMap { golden.names(event.type, $0) }
        }
        #expect(Set(golden.texts.keys) == Set(known))
    }

    @Test func servicesDeclareAllEventsOfTheContracts() throws {
        let folder = GoldenPayloads.folder.appending(path: "../../../Sources/Contracts")
        var names: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            let text = try String(contentsOf: file, encoding: .utf8)
            names.formUnion(text.matches(of: #/struct (\w+): Event\b/#).map { String($0.1) })
        }
        #expect(names.count >= 8)
        #expect(names == Set(Self.events.map { String(describing: $0) }))
    }

    @Test func everyFieldIsDescribed() {
        for event in Self.events {
            #expect(!event.summary.isEmpty, "\(event.type)")
            for field in fields(of: event) {
                #expect(field.rule?.documentation.isEmpty == false, "\(event.type): \(field.name)")
            }
        }
    }

    /// Streams are read by more programs than the database.
    @Test func noFieldHoldsASecret() {
        for event in Self.events {
            for field in fields(of: event) where field.name != "tokens_end" {
                for secret in ["password", "hash", "token", "secret", "key"] {
                    #expect(!field.name.contains(secret), "\(event.type): \(field.name)")
                }
            }
        }
    }

    private func fields<E: Event>(of event: E.Type) -> [ObjectSchema.Field] {
        guard case .object(let schema) = Schema.of(event) else { return [] }
        return schema.fields
    }
}

/// The check itself, with events that have gone wrong.
@Suite struct GoldenCheckTests {
    private struct Moved: Event {
        static let type = "trips.moved"
        static let version = 2
        let tripID: Int64
        let place: String
        let note: String?
        var subject: String { "trips/\(tripID)" }

        /// Version 1 had the place as `city`.
        static func upgrade(_ payload: JSONValue, from version: Int) throws -> JSONValue {
            .object((payload.objectValue ?? []).map { ($0.0 == "city" ? "place" : $0.0, $0.1) })
        }
    }

    private func complaints(_ texts: [String: String]) -> [String] {
        GoldenPayloads(texts: texts).complaints(about: Moved.self)
    }

    private let first = #"{"trip_id":1,"city":"Oslo"}"#
    private let second = #"{"trip_id":1,"place":"Oslo","note":null}"#

    @Test func acceptsAllVersions() {
        #expect(complaints(["trips.moved.v1": first, "trips.moved.v2": second]) == [])
        let noted = #"{"trip_id":1,"place":"Oslo","note":"Rain"}"#
        #expect(
            complaints(["trips.moved.v1": first, "trips.moved.v2": noted, "trips.moved.v2.plain": second]) == [])
    }

    @Test func missesAVersion() {
        #expect(complaints(["trips.moved.v2": second]) == ["trips.moved.v1.json is missing"])
        #expect(complaints(["trips.moved.v1": first, "trips.moved.v20": second]) == ["trips.moved.v2.json is missing"])
    }

    @Test func noticesAnOldPayloadThatCannotBeUpgraded() throws {
        let found = complaints(["trips.moved.v1": #"{"trip_id":1,"town":"Oslo"}"#, "trips.moved.v2": second])
        #expect(try #require(found.first).hasPrefix("trips.moved.v1 cannot be decoded: ") && found.count == 1)
    }

    @Test func noticesAGainedRequiredProperty() throws {
        let without = #"{"trip_id":1}"#
        let found = complaints(["trips.moved.v1": first, "trips.moved.v2": without])
        #expect(try #require(found.first).hasPrefix("trips.moved.v2 cannot be decoded: ") && found.count == 1)
    }

    @Test func noticesALostProperty() {
        let more = #"{"trip_id":1,"place":"Oslo","distance":5}"#
        #expect(
            complaints(["trips.moved.v1": first, "trips.moved.v2": more]) == [
                "trips.moved.v2: 'distance' is published as null, not as number(\"5\")",
                "trips.moved: readers of version 2 rely on 'distance', but it is not required",
            ])
    }

    @Test func noticesAPropertyThatBecameOptional() {
        let noted = #"{"trip_id":1,"place":"Oslo","note":"Rain"}"#
        #expect(
            complaints(["trips.moved.v1": first, "trips.moved.v2": noted]) == [
                "trips.moved: readers of version 2 rely on 'note', but it is not required"
            ])
    }

    @Test func noticesAnotherType() throws {
        let text = #"{"trip_id":"1","place":"Oslo"}"#
        #expect(
            try #require(complaints(["trips.moved.v1": first, "trips.moved.v2": text]).first).contains(
                "cannot be decoded"))
    }
}
