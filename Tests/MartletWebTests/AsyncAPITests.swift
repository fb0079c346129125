import MartletCore
import MartletData
import MartletMessaging
import MartletWeb
import Testing

private struct Trips: MartletWeb.Service {
    static let name = "trips"
    static let summary = "Trips for tests."
    static let prefixes = ["/api/trips"]
    static let migrations: [Migration] = []
    static let events: [any Event.Type] = [TripMoved.self, TripEnded.self]

    init(_ platform: Platform, settings: NoSettings) {}
    var routes: [Route] { [] }
}

private struct Silent: MartletWeb.Service {
    static let name = "silent"
    static let summary = "Says nothing."
    static let prefixes = ["/api/silent"]
    static let migrations: [Migration] = []

    init(_ platform: Platform, settings: NoSettings) {}
    var routes: [Route] { [] }
}

private struct Place: Codable, Sendable, Described {
    let name: String
    let height: Int?
    static let rules = Rules { Rule(CodingKeys.name, "Its name.", length: 1...50) }
}

private struct TripMoved: Event {
    static let type = "trips.trip_moved"
    static let summary = "A trip has moved."
    static let version = 2
    let tripID: Int64
    let place: Place
    let former: Place?
    let tags: [String]
    let at: Timestamp?
    var subject: String { "trips/\(tripID)" }

    static let rules = Rules {
        Rule(CodingKeys.tripID, "The id of the trip.", minimum: 1)
        Rule(CodingKeys.place, "Where it is.")
        Rule(CodingKeys.former, "Where it was.")
    }
}

private struct TripEnded: Event {
    static let type = "trips.trip_ended"
    let tripID: Int64
    var subject: String { "trips/\(tripID)" }
}

@Suite struct AsyncAPITests {
    private let document = AsyncAPI.document(
        title: "Tests", version: "1.2.3", services: [Trips.self, Silent.self])

    private func at(_ path: String...) -> JSONValue { path.reduce(document) { $0[$1] ?? .null } }

    @Test func namesVersionAndTitle() {
        #expect(document["asyncapi"] == "3.0.0")
        #expect(at("info", "title") == "Tests" && at("info", "version") == "1.2.3")
        #expect(document["defaultContentType"] == "application/json")
    }

    @Test func everyPublishingServiceHasAChannelAndAnOperation() {
        #expect(document["channels"]?.objectValue?.map(\.0) == ["trips"])
        #expect(at("channels", "trips", "address") == "martlet:events:trips")
        #expect(at("channels", "trips", "title") == "Trips")
        #expect(at("channels", "trips", "description") == "Trips for tests.")
        #expect(
            at("channels", "trips", "messages") == [
                "trips-trip_moved": ["$ref": "#/components/messages/trips-trip_moved"],
                "trips-trip_ended": ["$ref": "#/components/messages/trips-trip_ended"],
            ])
        #expect(document["operations"]?.objectValue?.map(\.0) == ["publish_trips"])
        #expect(at("operations", "publish_trips", "action") == "send")
        #expect(at("operations", "publish_trips", "channel") == ["$ref": "#/channels/trips"])
        #expect(
            at("operations", "publish_trips", "messages") == [
                ["$ref": "#/channels/trips/messages/trips-trip_moved"],
                ["$ref": "#/channels/trips/messages/trips-trip_ended"],
            ])
    }

    @Test func messagesHaveCloudEventAttributes() {
        let message = at("components", "messages", "trips-trip_moved")
        #expect(message["name"] == "trips.trip_moved" && message["title"] == "Trip moved")
        #expect(message["summary"] == "A trip has moved." && message["contentType"] == "application/json")
        #expect(message["headers"]?["properties"]?["type"] == ["const": "trips.trip_moved"])
        #expect(message["headers"]?["properties"]?["dataversion"] == ["const": "2"])
        #expect(message["headers"]?["allOf"] == [["$ref": "#/components/schemas/CloudEvent"]])
        #expect(at("components", "messages", "trips-trip_ended", "summary") == .null)
        // The attributes that CloudEvents 1.0 requires.
        let required = at("components", "schemas", "CloudEvent", "required").arrayValue?.compactMap(\.stringValue) ?? []
        #expect(Set(["id", "source", "specversion", "type"]).isSubset(of: required))
        let known = at("components", "schemas", "CloudEvent", "properties").objectValue?.map(\.0) ?? []
        #expect(Set(required).isSubset(of: known))
        // Names of attributes have only small letters and digits (CloudEvents 1.0 §3.1).
        #expect(known.allSatisfy { $0.wholeMatch(of: #/[a-z0-9]{1,20}/#) != nil })
    }

    @Test func payloadsAreTheTypes() {
        let payload = at("components", "messages", "trips-trip_moved", "payload")
        #expect(payload == ["$ref": "#/components/schemas/TripMoved"])
        let schema = at("components", "schemas", "TripMoved")
        #expect(schema["required"] == ["trip_id", "place", "tags"])
        #expect(schema["additionalProperties"] == nil)
        #expect(schema["properties"]?["trip_id"]?["description"] == "The id of the trip.")
        #expect(schema["properties"]?["trip_id"]?["minimum"] == 1)
        #expect(schema["properties"]?["at"]?["type"] == ["string", "null"])
        #expect(schema["properties"]?["tags"]?["items"] == ["type": "string"])
    }

    /// Members beside a `$ref` would be ignored.
    @Test func referencesStandAlone() {
        let schema = at("components", "schemas", "TripMoved", "properties")
        #expect(
            schema["place"] == ["allOf": [["$ref": "#/components/schemas/Place"]], "description": "Where it is."])
        #expect(
            schema["former"] == [
                "anyOf": [["$ref": "#/components/schemas/Place"], ["type": "null"]], "description": "Where it was.",
            ])
        #expect(at("components", "schemas", "Place", "required") == ["name"])
        func check(_ value: JSONValue) {
            for element in value.arrayValue ?? [] { check(element) }
            let members = value.objectValue ?? []
            if members.contains(where: { $0.0 == "$ref" }) { #expect(members.count == 1) }
            for member in members { check(member.1) }
        }
        check(document)
    }
}
