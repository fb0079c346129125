import Accounts
import MartletMessaging
import MartletPlatform
import MartletSystem

/// The platform of the fault tests: Source emits numbered events, Sink writes down what it hears and runs jobs. Whatever
/// happens to its processes, every number must be written down once and in order.
@main enum Program {
    static func main() async {
        await Martlet.main(
            "chaos", services: [AccountsService.self, SourceService.self, SinkService.self], messaging: times)
    }

    /// After how many seconds a process counts as dead: 30, or `CHAOS_DEAD_AFTER`. The other times change in proportion.
    private static var times: MessagingOptions {
        var options = MessagingOptions()
        guard let deadAfter = Environment["CHAOS_DEAD_AFTER"].flatMap(Double.init) else { return options }
        let share = deadAfter / 30
        options.heartbeat = options.heartbeat * share
        options.deadAfter = options.deadAfter * share
        options.firstRetry = options.firstRetry * share
        return options
    }
}

/// The variables of the process. Their names do not begin with `MARTLET_`, because they are no settings.
enum Environment {
    static subscript(name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// The newest version of events that this process understands and emits: 1, or `CHAOS_VERSION`.
    static let version = Environment["CHAOS_VERSION"].flatMap(Int.init) ?? 1
}
