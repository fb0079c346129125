import Foundation

/// Where the built console is.
enum ConsoleFolder {
    /// The setting; else `share/martlet/console` beside the program's folder, where script/install puts it, `Web/dist` above
    /// the program, where a build leaves it, or `Web/dist` in the current folder.
    /// - Returns: nil where there is no console.
    static func find(_ setting: String?) -> String? {
        if let setting { return isConsole(setting) ? setting : nil }
        return candidates.first(where: isConsole)
    }

    /// As ``find(_:)``.
    /// - Throws: ``UsageError`` when the setting names a folder without a console.
    static func required(_ setting: String?) throws(UsageError) -> String? {
        let console = find(setting)
        if let setting, console == nil {
            throw UsageError(
                "console_dir: there is no console in '\(setting)', which has no index.html; script/console builds it into Web/dist"
            )
        }
        return console
    }

    /// The console of the program comes before that of the current folder, which may belong to another version.
    private static var candidates: [String] {
        // Through links: the program may be called by one in a folder of the PATH.
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
