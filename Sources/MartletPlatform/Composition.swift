import ArgumentParser
import MartletCore
import MartletMessaging
import MartletWeb
import Synchronization

/// The parts of a program, as passed to ``Martlet/main(_:services:commands:)``. Nothing else names a service.
struct Composition: Sendable {
    let program: String
    let services: [any Service.Type]
    let commands: [any (ParsableCommand & SendableMetatype).Type]
    /// The times of events and jobs. Programs for tests shorten them.
    var messaging = MessagingOptions()

    /// ArgumentParser creates commands from their types alone, so they read the composition from here.
    private static let installed = Mutex(Composition(program: "martlet", services: [], commands: []))

    static var current: Composition { installed.withLock { $0 } }

    static func install(_ composition: Composition) { installed.withLock { $0 = composition } }

    var parts: [Part] { [.gateway] + services.map { .service($0.name) } }

    /// The service that signs access tokens.
    var issuer: (any Service.Type)? { services.first { $0.issuesTokens } }

    /// Every setting of the platform and of its services.
    var settings: [Setting] {
        var reader = SettingReader()
        _ = Settings(reading: &reader, self)
        return reader.settings
    }

    /// Checks the names, keys and prefixes that services declare, and that exactly one service issues tokens.
    /// - Throws: ``Failure``.
    func validate() throws(Failure) {
        for service in services {
            guard Self.isName(service.name) else {
                throw Failure(
                    "'\(service.name)' cannot be a service's name: it needs a to z, then a to z, 0 to 9 and _")
            }
            if let prefix = service.prefixes.first(where: { !$0.hasPrefix("/") || $0.hasSuffix("/") }) {
                throw Failure("\(service.name): the prefix '\(prefix)' must begin with / and not end with it")
            }
        }
        try validateEvents()
        if let key = settings.map(\.key).first(where: { !Self.isName($0) || $0 == "config" || $0 == "help" }) {
            throw Failure("'\(key)' cannot be a setting's key")
        }
        let names = parts.map(\.name)
        if let twice = Self.firstRepeated(names) { throw Failure("two services are called '\(twice)'") }
        if let twice = Self.firstRepeated(settings.map(\.key)) {
            throw Failure("the setting '\(twice)' is declared twice")
        }
        if let twice = Self.firstRepeated(services.flatMap { $0.allPrefixes }) {
            throw Failure("two services have the prefix '\(twice)'")
        }
        guard services.count(where: { $0.issuesTokens }) == 1 else {
            throw Failure("a platform needs exactly one service that issues tokens, such as AccountsService")
        }
    }

    /// An event's type names its service, which finds the stream of the event by it.
    private func validateEvents() throws(Failure) {
        for service in services {
            for event in service.events where !(event.source == service.name && Self.isEvent(event.type)) {
                throw Failure(
                    "\(service.name): the event '\(event.type)' must be called '\(service.name).' and what happened, in a to z, "
                        + "0 to 9 and _")
            }
        }
        if let twice = Self.firstRepeated(services.flatMap { $0.events.map { $0.type } }) {
            throw Failure("the event '\(twice)' is declared twice")
        }
    }

    private static func isEvent(_ type: String) -> Bool { type.wholeMatch(of: #/[a-z0-9_]+\.[a-z][a-z0-9_]*/#) != nil }

    /// Names become files, sockets, PostgreSQL schemas and elements of lists; keys become flags and variables.
    private static func isName(_ text: String) -> Bool { text.wholeMatch(of: #/[a-z][a-z0-9_]*/#) != nil }

    private static func firstRepeated(_ names: [String]) -> String? {
        var seen: Set<String> = []
        return names.first { !seen.insert($0).inserted }
    }
}

/// A part that a process can run: the gateway or a service.
enum Part: Sendable, Hashable {
    case gateway
    case service(String)

    var name: String {
        switch self {
        case .gateway: "gateway"
        case .service(let name): name
        }
    }
}
