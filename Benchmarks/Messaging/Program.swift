import ArgumentParser
import Foundation
import MartletCore
import MartletData
import MartletSystem

/// Measures jobs and events, and prints one JSON object (Benchmarks/README.md, Messaging).
@main struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "martlet-messaging-bench")

    @Option(help: "postgres://… or sqlite:PATH.") var databaseUrl: String
    @Option(help: "The Redis for events-redis.") var redisUrl = "redis://127.0.0.1:6379"
    @Option var mode: Mode
    @Option(help: "The number of jobs or events.") var count = 20_000
    @Option(help: "latency: jobs a second.") var rate = 100
    @Option(help: "latency, idle: how long.") var seconds = 10
    @Option(help: "How many jobs run at once.") var concurrency = 64

    enum Mode: String, CaseIterable, ExpressibleByArgument {
        /// One commit for each job.
        case throughput
        /// Jobs without effects, whose ends share commits.
        case batched
        case latency
        case idle
        /// Events from one process to another.
        case eventsRedis = "events-redis"
        case eventsPostgres = "events-postgres"
    }

    @Option(help: .hidden) var sink: Int?
    @Option(help: .hidden) var total = 0

    func run() async throws {
        let result =
            switch mode {
            case .throughput: try await Throughput(self, hasEffects: true).run()
            case .batched: try await Throughput(self, hasEffects: false).run()
            case .latency: try await Latency(self).run()
            case .idle: try await Idle(self).run()
            case .eventsRedis, .eventsPostgres:
                if let sink {
                    try await Events(self).handle(sink, total)
                } else {
                    try await Events(self).emit()
                }
            }
        FileHandle.standardOutput.write(Data(result.bytes + [UInt8(ascii: "\n")]))
    }

    func database(_ name: String) throws -> Database {
        if databaseUrl.hasPrefix("sqlite:") {
            let path = databaseUrl.dropFirst("sqlite:".count)
            return try Database(.sqlite(path: "\(path).\(name)"), logger: quiet)
        }
        return try Database(Database.Location(url: databaseUrl, schema: "bench_\(name)"), logger: quiet)
    }
}

/// Says that the work begins, so that the harness can tell it from the preparation.
func begin() { FileHandle.standardOutput.write(Data("begin\n".utf8)) }

/// The CPU time of this process.
func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
