import Foundation
import Testing

/// The effects of the scripts on a machine, tested with a copy of the script folder.
@Suite(.inTurn) struct ScriptTests {
    private let scripts = TestEnvironment.repository.appending(path: "script").path

    /// A predictable name of a file that root reads or copies would allow others to create it first.
    @Test func temporaryFilesHaveUnpredictableNames() throws {
        let files = FileManager.default
        for name in try files.subpathsOfDirectory(atPath: scripts) {
            let attributes = try files.attributesOfItem(atPath: "\(scripts)/\(name)")
            guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
            let text = try String(contentsOfFile: "\(scripts)/\(name)", encoding: .utf8)
            for line in text.split(separator: "\n") where line.contains("/tmp") && !line.hasPrefix("#") {
                #expect(line.contains("mktemp"), "\(name): \(line)")
            }
        }
    }

    /// A built clone whose program prints the folder that it was called from.
    private func clone() throws -> String {
        let folder = try TemporaryFolder.make("clone")
        let files = FileManager.default
        for path in ["script", ".build/release", "Web/dist"] {
            try files.createDirectory(atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
        }
        try files.copyItem(atPath: "\(scripts)/install", toPath: "\(folder)/script/install")
        let program = "\(folder)/.build/release/martlet"
        try Data("#!/bin/sh\necho \"$PWD $*\"\n".utf8).write(to: URL(filePath: program))
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        try Data(Console.page.utf8).write(to: URL(filePath: "\(folder)/Web/dist/index.html"))
        return folder
    }

    @Test func installsALinkForTheUser() async throws {
        let folder = try clone()
        let home = try TemporaryFolder.make("home")
        let install = try await Command.run("\(folder)/script/install", [], variables: ["HOME": home])
        #expect(install.status == 0, "\(install.standardError)")
        #expect(install.standardOutput.contains("is not in your PATH"), "\(install.standardOutput)")
        let martlet = try await Command.run("\(home)/.local/bin/martlet", ["serve"]).succeeded()
        #expect(martlet.standardOutput.hasSuffix(" serve\n"))
        #expect(!martlet.standardOutput.hasPrefix(folder), "it runs in the caller's folder")
    }

    @Test(arguments: [[], ["--prefix"]])
    func installsACopyForEverybodyAndRemovesIt(_ option: [String]) async throws {
        let folder = try clone()
        let prefix = try TemporaryFolder.make("prefix")
        for _ in 0..<2 {
            let install = try await Command.run("\(folder)/script/install", option + [prefix])
            #expect(install.status == 0, "\(install.standardError)")
        }
        try FileManager.default.removeItem(atPath: folder)
        _ = try await Command.run("\(prefix)/bin/martlet", ["serve"]).succeeded()
        let page = try String(contentsOfFile: "\(prefix)/share/martlet/console/index.html", encoding: .utf8)
        #expect(page == Console.page)
        let other = try clone()
        try await Command.run("\(other)/script/install", ["--uninstall"] + option + [prefix]).succeeded()
        #expect(!FileManager.default.fileExists(atPath: "\(prefix)/bin/martlet"))
        #expect(!FileManager.default.fileExists(atPath: "\(prefix)/share/martlet"))
    }

    @Test(arguments: [["--perfix", "/nowhere"], ["/nowhere", "/elsewhere"], ["--prefix"], [""]])
    func refusesToInstallIntoAFolderItDoesNotUnderstand(_ arguments: [String]) async throws {
        let folder = try clone()
        let install = try await Command.run("\(folder)/script/install", arguments)
        #expect(install.status == 1)
        #expect(install.standardError.hasPrefix("install: "), "\(install.standardError)")
    }

    /// The function in the tour reports a wrong password instead of a traceback.
    @Test(arguments: ["docs/guides/tour.md", "docs/guides/zh-CN/tour.md"])
    func tourReportsFailures(_ document: String) async throws {
        let text = try String(contentsOf: TestEnvironment.repository.appending(path: document), encoding: .utf8)
        let start = try #require(text.firstRange(of: "token() {"))
        let end = try #require(text[start.upperBound...].firstRange(of: "\n}\n"))
        let function = text[start.lowerBound..<end.upperBound]
        for (answer, output, said) in [
            (#"{"access_token":"abc"}"#, "abc\n", ""), (#"{"detail":"Wrong."}"#, "", "Wrong.\n"),
            ("", "", "no answer: does Martlet run at that address?\n"),
        ] {
            let command = try await Command.run("/usr/bin/env", ["bash", "-c", "\(function)echo '\(answer)' | token"])
            #expect(command.standardOutput == output)
            #expect(command.standardError == said)
        }
    }
}
