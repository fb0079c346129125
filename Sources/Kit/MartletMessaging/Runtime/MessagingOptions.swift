/// Times of the messaging runtime. The defaults suit services; tests shorten them.
public struct MessagingOptions: Sendable {
    /// How often a process says that it is alive, and looks for what no hint has told. Default: 5 seconds.
    public var heartbeat = Duration.seconds(5)
    /// After how long without a heartbeat a process counts as dead. Default: 30 seconds.
    public var deadAfter = Duration.seconds(30)
    /// How long running jobs may go on after the shutdown began. Default: 3 seconds.
    public var grace = Duration.seconds(3)
    /// How many jobs of a queue run at once, unless a job of the queue says otherwise. Default: 10.
    public var concurrency = 10
    /// The wait after the first failure of a job. It doubles with each failure, up to ten minutes. Default: 1 second.
    public var firstRetry = Duration.seconds(1)
    /// The largest number of events that are published or received at once. Default: 500.
    public var batch = 500

    public init() {}
}
