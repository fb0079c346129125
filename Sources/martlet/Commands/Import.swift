import ArgumentParser

/// `martlet import`: loads what a team already has.
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Load data from files.", subcommands: [ImportProducts.self])
}
