package import AsyncHTTPClient

extension HTTPClient {
    /// The client for calls to addresses that an operator has given: it follows no redirects, so that nobody who answers
    /// there chooses another address. It lives as long as the process.
    package static let withoutRedirects: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}
