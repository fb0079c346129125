import MartletCore
import MartletData
import MartletMessaging
import MartletWeb
import Testing

@testable import MartletPlatform

/// A service with events of any names.
private protocol Station: MartletWeb.Service {}

extension Station {
    static var name: String { "trips" }
    static var summary: String { "Trips for tests." }
    static var prefixes: [String] { ["/api/trips"] }
    static var migrations: [Migration] { [] }
    static var issuesTokens: Bool { true }
    var routes: [Route] { [] }
}

private struct Good: Station {
    static let events: [any Event.Type] = [Moved.self]
    init(_ platform: Platform, settings: NoSettings) {}
}

private struct Foreign: Station {
    static let events: [any Event.Type] = [Moved.self, Elsewhere.self]
    init(_ platform: Platform, settings: NoSettings) {}
}

private struct Unnamed: Station {
    static let events: [any Event.Type] = [Nothing.self]
    init(_ platform: Platform, settings: NoSettings) {}
}

private struct Twice: Station {
    static let events: [any Event.Type] = [Moved.self, Moved.self]
    init(_ platform: Platform, settings: NoSettings) {}
}

private struct Moved: Event {
    static let type = "trips.trip_moved"
    var subject: String { "trips/1" }
}

private struct Elsewhere: Event {
    static let type = "travels.trip_moved"
    var subject: String { "trips/1" }
}

private struct Nothing: Event {
    static let type = "trips.Trip moved"
    var subject: String { "trips/1" }
}

@Suite struct EventNameTests {
    private func failure(_ service: any MartletWeb.Service.Type) -> String? {
        do {
            try Composition(program: "test", services: [service], commands: []).validate()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func namesBeginWithTheirService() throws {
        #expect(failure(Good.self) == nil)
        let foreign = try #require(failure(Foreign.self))
        #expect(foreign.contains("trips: the event 'travels.trip_moved' must be called 'trips.' and what happened"))
        let unnamed = try #require(failure(Unnamed.self))
        #expect(unnamed.contains("trips: the event 'trips.Trip moved' must be called 'trips.' and what happened"))
    }

    @Test func eventsAreDeclaredOnce() throws {
        #expect(try #require(failure(Twice.self)).contains("the event 'trips.trip_moved' is declared twice"))
    }
}
