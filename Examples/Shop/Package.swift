// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "shop",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "shop", targets: ["shop"])],
    // In your own repository, use Martlet's URL and version here.
    dependencies: [.package(name: "martlet", path: "../..")],
    targets: [
        .target(
            name: "Reviews", dependencies: [.product(name: "MartletKit", package: "martlet")], swiftSettings: settings),
        .executableTarget(
            name: "shop",
            dependencies: [
                "Reviews", .product(name: "MartletPlatform", package: "martlet"),
                .product(name: "MartletServices", package: "martlet"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ReviewsTests",
            dependencies: [
                "Reviews", .product(name: "MartletKit", package: "martlet"),
                .product(name: "MartletServices", package: "martlet"),
                .product(name: "MartletTesting", package: "martlet"),
            ],
            swiftSettings: settings),
    ]
)
