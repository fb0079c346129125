public import ArgumentParser

/// `martlet import`: loads existing data.
public struct Import: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        abstract: "Load data from files.", subcommands: [ImportProducts.self])

    public init() {}
}
