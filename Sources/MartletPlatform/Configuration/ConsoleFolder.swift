import Foundation

/// Finds the built console.
enum ConsoleFolder {
    /// Returns the folder in the setting. Without one, looks for `share/martlet/console` beside the program's folder
    /// (installed by script/install), then for `Web/dist` above the program (a build), then for `Web/dist` in the
    /// current folder.
    /// - Returns: nil if there is no console.
    static func find(_ setting: String?) -> String? {
        if let setting { return isConsole(setting) ? setting : nil }
        return candidates.first(where: isConsole)
    }

    /// The result of ``find(_:)``.
    /// - Throws: ``UsageError`` if the setting names a folder without a console.
    static func required(_ setting: String?) throws(UsageError) -> String? {
        let console = find(setting)
        if let setting, console == nil {
            throw UsageError(
                "console_dir: there is no console in '\(setting)': index.html is missing; script/console builds it into Web/dist"
            )
        }
        return console
    }

    /// The program's own console comes first. The one in the current folder may belong to another version.
    private static var candidates: [String] {
        // The program may be called through a link in a folder of the PATH.
        guard let program = Bundle.main.executableURL?.resolvingSymlinksInPath() else { return ["Web/dist"] }
        let folder = program.deletingLastPathComponent()
        var candidates = [folder.deletingLastPathComponent().appending(path: "share/martlet/console").path]
        // .build/x86_64-unknown-linux-gnu/release/martlet
        var above = folder
        for _ in 0..<4 {
            candidates.append(above.appending(path: "Web/dist").path)
            above = above.deletingLastPathComponent()
        }
        return candidates + ["Web/dist"]
    }

    private static func isConsole(_ path: String) -> Bool {
        FileManager.default.isReadableFile(atPath: path + "/index.html")
    }
}
