import ArgumentParser
import MartletCore
import MartletMessaging

/// `martlet events`: the events that a service emits.
struct Events: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Follow the events of a service.", subcommands: [Tail.self])

    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the last events of a service, a JSON object each, and new ones as they come.")

        @Argument(help: "The service.") var service: String
        @Option(help: "The number of earlier events to print.") var last = 10
        @Flag(help: "Stop after the earlier events.") var once = false
        @OptionGroup var options: SettingOptions<DataScope>

        /// How far transactions may commit out of order, in events.
        private static let window = 1000

        func run() async throws {
            try await ServiceDatabase.open(service, options) { administration in
                var seen: Set<Int64> = []
                var count = max(0, last)
                while true {
                    let events = try await administration.latestEvents(count).filter {
                        seen.insert($0.id.rawValue).inserted
                    }
                    for event in events {
                        Terminal.print(String(decoding: try JSONWriter.bytes(of: event), as: UTF8.self))
                    }
                    guard !once else { return }
                    count = Self.window
                    if seen.count > 10 * count { seen = Set(seen.sorted().suffix(2 * count)) }
                    try await Task.sleep(for: .seconds(1))
                }
            }
        }
    }
}
