// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "@program@",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "@program@", targets: ["@program@"])],
    dependencies: [.package(name: "martlet", path: "@martlet@")],
    targets: [
        .target(
            name: "@Name@", dependencies: [.product(name: "MartletKit", package: "martlet")], swiftSettings: settings),
        .executableTarget(
            name: "@program@",
            dependencies: [
                "@Name@", .product(name: "MartletPlatform", package: "martlet"),
                .product(name: "MartletServices", package: "martlet"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "@Name@Tests",
            dependencies: [
                "@Name@", .product(name: "MartletKit", package: "martlet"),
                .product(name: "MartletTesting", package: "martlet"),
            ],
            swiftSettings: settings),
    ]
)
