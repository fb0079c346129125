import Foundation
import Testing

/// Rules for the sources themselves.
@Suite struct LayerTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The Swift files of all services that declare or extend a store, by path.
    private func stores() throws -> [String: String] {
        let folder = Self.root.appending(path: "Sources/Services")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var stores: [String: String] = [:]
        for case let file as URL in try #require(files) where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            if text.contains(/(struct|class|actor|extension) \w*Store\b/) {
                stores[file.path.replacing(folder.path + "/", with: "")] = text
            }
        }
        return stores
    }

    /// Jobs and commands use stores too, where there is no request.
    @Test func storesImportNoWebTarget() throws {
        let stores = try stores()
        for known in ["Catalog/ProductStore.swift", "Catalog/ProductUpsert.swift", "Accounts/UserStore.swift"] {
            #expect(stores[known] != nil, "\(known) is not found")
        }
        for (path, text) in stores {
            for target in ["MartletWeb", "MartletClient", "Hummingbird", "HTTPTypes", "NIOHTTP1"] {
                #expect(!text.contains(try Regex("import \(target)\\b")), "\(path) imports \(target)")
            }
        }
    }
}
