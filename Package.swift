// swift-tools-version: 6.2
import PackageDescription

// One settings array for every Swift target of the project. Warnings stop a build on CI only, so that a
// newer compiler's new warning never stops somebody who just wants to run Martlet.
let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)])

// The gateway's hot path is classes that event loops own, and checking every access to their fields costs a tenth of its
// own time. Debug builds, and so all tests, check them (ADR 0028).
let gatewaySettings =
    settings + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

func kit(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/Kit/\(name)", swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

/// A service: its target, and the tests of it.
struct ServiceTarget {
    let name: String
    var dependencies: [Target.Dependency] = []
    var testDependencies: [Target.Dependency] = []

    init(_ name: String, _ dependencies: [Target.Dependency] = [], tests testDependencies: [Target.Dependency] = []) {
        self.name = name
        self.dependencies = dependencies
        self.testDependencies = testDependencies
    }

    var target: Target {
        .target(
            name: name,
            dependencies: [
                "Contracts", "MartletClient", "MartletCore", "MartletData", "MartletMessaging", "MartletWeb",
            ]
                + dependencies,
            path: "Sources/Services/\(name)", swiftSettings: settings)
    }

    var testTarget: Target {
        tests(
            name + "Tests",
            [
                .target(name: name), "Contracts", "MartletCore", "MartletData", "MartletMessaging", "MartletTesting",
                "MartletWeb",
            ] + testDependencies)
    }
}

// What the services are beside the kit. A service that needs no more than the kit is a line.
let services = [
    ServiceTarget(
        "Accounts",
        [
            "CArgon2", "MartletSystem", "MartletTokens",
            .product(name: "Crypto", package: "swift-crypto"),
            .product(name: "JWTKit", package: "jwt-kit"),
            .product(name: "Logging", package: "swift-log"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        ],
        tests: [
            "CArgon2", "MartletClient", "MartletTelemetry", "MartletTokens",
            .product(name: "Crypto", package: "swift-crypto"), .product(name: "JWTKit", package: "jwt-kit"),
            .product(name: "Logging", package: "swift-log"),
        ]),
    ServiceTarget("Catalog", ["MartletCache"], tests: ["MartletCache", "MartletTelemetry"]),
]
let serviceNames = services.map { Target.Dependency.target(name: $0.name) }

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        // For platforms with services of their own: see Examples/Shop.
        .library(name: "MartletPlatform", targets: ["MartletPlatform"]),
        .library(name: "MartletServices", targets: ["MartletServices"] + services.map(\.name)),
        .library(
            name: "MartletKit",
            targets: [
                "Contracts", "MartletCache", "MartletClient", "MartletCore", "MartletData", "MartletMessaging",
                "MartletTelemetry", "MartletWeb",
            ]),
        .library(name: "MartletTesting", targets: ["MartletTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // CLibs: module maps only.
        .systemLibrary(
            name: "CPostgres", path: "Sources/CLibs/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CArgon2", path: "Sources/CLibs/CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]
        ),
        // Without pkgConfig, whose flags for hiredis the package manager refuses.
        .systemLibrary(name: "CHiredis", path: "Sources/CLibs/CHiredis", providers: [.apt(["libhiredis-dev"])]),
        // The C library's resolver, which tells how long an answer holds.
        .systemLibrary(name: "CResolv", path: "Sources/CLibs/CResolv"),
        .systemLibrary(
            name: "CZlib", path: "Sources/CLibs/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Kit, from the bottom up.
        kit("MartletSystem", []),
        kit("MartletCore", ["MartletSystem"]),
        kit("MartletCSV", ["MartletSystem"]),
        kit("MartletTelemetry", ["MartletCore", "MartletSystem", .product(name: "Logging", package: "swift-log")]),
        kit(
            "MartletData",
            [
                "MartletCore", "MartletSystem", "CPostgres",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        kit(
            "MartletClient",
            [
                "MartletCore", "MartletSystem", "MartletTelemetry",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        kit(
            "MartletRedis",
            [
                "CHiredis", "MartletCore", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        kit(
            "MartletDiscovery",
            [
                "CResolv", "MartletCore", "MartletSystem",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        // Events, jobs and schedules, in the database of their service.
        kit(
            "MartletMessaging",
            [
                "MartletCore", "MartletData", "MartletSystem", "MartletTelemetry",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        // What carries events between processes.
        kit(
            "MartletBrokers",
            [
                "MartletCore", "MartletData", "MartletMessaging", "MartletRedis",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        kit(
            "MartletCache",
            [
                "MartletCore", "MartletRedis", "MartletTelemetry",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        kit(
            "MartletTokens",
            [
                "MartletClient", "MartletCore", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        kit(
            "MartletWeb",
            [
                "MartletCache", "MartletClient", "MartletCore", "MartletData", "MartletMessaging", "MartletSystem",
                "MartletTelemetry", "MartletTokens",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        kit(
            "MartletTesting",
            [
                "MartletCache", "MartletClient", "MartletCore", "MartletData", "MartletMessaging", "MartletSystem",
                "MartletTelemetry", "MartletWeb",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),

        // What services tell each other. They import it, never each other.
        .target(
            name: "Contracts", dependencies: ["MartletCore", "MartletMessaging"], swiftSettings: settings),

        // The gateway knows the kit and no service; the services, at the end, know the kit and not each other.
        // Pure: descriptors, path templates and JSON beside the protobuf wire format.
        .target(
            name: "GRPCTranscoding",
            dependencies: ["MartletCore", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: settings),
        .target(
            name: "Gateway",
            dependencies: [
                "CZlib", "GRPCTranscoding", "MartletClient", "MartletCore", "MartletDiscovery", "MartletRedis",
                "MartletSystem", "MartletTelemetry", "MartletTokens",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: gatewaySettings),
        .target(
            name: "Notes", dependencies: ["MartletCore", "MartletData", "MartletWeb"], path: "Examples/Notes",
            swiftSettings: settings),
        .target(
            name: "Wishlists",
            dependencies: [
                "Contracts", "MartletCore", "MartletData", "MartletMessaging", "MartletWeb",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Examples/Wishlists", swiftSettings: settings),

        // Composition and configuration: it is given the services and knows none by name.
        .target(
            name: "MartletPlatform",
            dependencies: [
                "Gateway", "MartletBrokers", "MartletCache", "MartletClient", "MartletCore", "MartletData",
                "MartletDiscovery", "MartletMessaging", "MartletRedis", "MartletSystem", "MartletTelemetry",
                "MartletWeb",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: settings),
        .target(
            name: "CatalogImport",
            dependencies: [
                "Catalog", "MartletCSV", "MartletCore", "MartletData", "MartletMessaging", "MartletPlatform",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        // The list of the services, for the program and for programs that add services of their own.
        .target(name: "MartletServices", dependencies: serviceNames + ["MartletWeb"], swiftSettings: settings),
        .executableTarget(
            name: "martlet", dependencies: ["CatalogImport", "MartletPlatform", "MartletServices"],
            swiftSettings: settings),

        // Measured by script/bench beside its peers.
        .executableTarget(
            name: "martlet-messaging-bench",
            dependencies: [
                "MartletBrokers", "MartletCore", "MartletData", "MartletMessaging", "MartletRedis", "MartletSystem",
                "MartletTelemetry",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "Benchmarks/Messaging", swiftSettings: settings),

        // The platform of the fault tests, whose processes Tests/Faults kills.
        .executableTarget(
            name: "martlet-chaos",
            dependencies: [
                "Accounts", "MartletCore", "MartletData", "MartletMessaging", "MartletPlatform", "MartletSystem",
                "MartletWeb",
            ],
            path: "Tests/Chaos", swiftSettings: settings),

        // Tests mirror the sources; ContractTests talks to the built binary over HTTP.
        tests("MartletCoreTests", ["MartletCore"]),
        tests("MartletCSVTests", ["MartletCSV"]),
        tests(
            "MartletMessagingTests",
            [
                "MartletCore", "MartletData", "MartletMessaging", "MartletTelemetry", "MartletTesting",
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "MartletBrokersTests",
            [
                "MartletBrokers", "MartletCore", "MartletData", "MartletMessaging", "MartletRedis", "MartletTesting",
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "MartletCacheTests",
            [
                "MartletCache", "MartletCore", "MartletRedis", "MartletTelemetry", "MartletTesting",
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "MartletTelemetryTests",
            ["MartletTelemetry", "MartletCore", "MartletTesting", .product(name: "Logging", package: "swift-log")]),
        tests(
            "MartletDataTests",
            [
                "MartletData", "MartletCore", "MartletSystem", "MartletTesting",
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "MartletRedisTests",
            [
                "MartletRedis", "MartletTesting", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "MartletWebTests",
            [
                "MartletWeb", "MartletCore", "MartletData", "MartletClient", "MartletMessaging", "MartletTelemetry",
                "MartletTesting",
                .product(name: "JWTKit", package: "jwt-kit"), .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "MartletClientTests",
            [
                "MartletClient", "MartletCore", "MartletTelemetry", "MartletTesting",
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "GRPCTranscodingTests",
            [
                "GRPCTranscoding", "MartletCore", "MartletTesting",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        tests(
            "MartletDiscoveryTests",
            [
                "MartletDiscovery", "MartletCore", "MartletTesting",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "GatewayTests",
            [
                "CZlib", "Gateway", "MartletCore", "MartletDiscovery", "MartletRedis", "MartletSystem",
                "MartletTelemetry", "MartletTesting", "MartletTokens",
                .product(name: "Crypto", package: "swift-crypto"), .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        tests(
            "PlatformTests",
            [
                "MartletClient", "MartletCore", "MartletData", "MartletMessaging", "MartletPlatform", "MartletServices",
                "MartletTelemetry", "MartletWeb",
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        tests(
            "ContractsTests",
            ["Contracts", "MartletCore", "MartletMessaging", "MartletServices", "MartletWeb"],
            exclude: ["Golden"]),
        tests("NotesTests", ["Notes", "MartletCore", "MartletData", "MartletWeb", "MartletTesting"]),
        tests(
            "WishlistsTests",
            [
                "Catalog", "Wishlists", "MartletCore", "MartletData", "MartletMessaging", "MartletTesting",
                "MartletWeb",
            ]),
        tests(
            "ContractTests",
            [
                "MartletCore", "MartletTelemetry", "MartletTesting",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"), .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
            ]),
    ] + services.map(\.target) + services.map(\.testTarget)
)
