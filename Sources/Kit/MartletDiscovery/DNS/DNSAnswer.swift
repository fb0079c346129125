import CResolv
import MartletSystem

/// The address and SRV records of a DNS response, parsed from its bytes (RFC 1035 §4). Pure.
struct DNSAnswer: Sendable, Equatable {
    struct Service: Sendable, Equatable {
        let priority: Int
        let weight: Int
        let port: Int
        let target: String
    }

    /// The addresses of a name that an SRV record refers to.
    struct Addresses: Sendable, Equatable {
        var ipv4: [String] = []
        var ipv6: [String] = []
        /// The lowest TTL of the records, in seconds.
        var ttl = Int.max
    }

    struct Malformed: Error, CustomStringConvertible {
        let description = "the name server's response is malformed"
    }

    /// The addresses in the answer section, as text.
    private(set) var ipv4: [String] = []
    private(set) var ipv6: [String] = []
    private(set) var services: [Service] = []
    /// The addresses in the additional section, by their names in lower case.
    private(set) var additional: [String: Addresses] = [:]
    /// The lowest TTL of the records in the answer section, in seconds.
    private(set) var ttl: Int?

    /// The result for a name that does not exist or has no such records.
    static let empty = DNSAnswer()

    private init() {}

    /// - Throws: ``Malformed``.
    init(parsing message: [UInt8]) throws(Malformed) {
        let isWellFormed = message.withUnsafeBufferPointer { bytes in
            var handle = ns_msg()
            guard ns_initparse(bytes.baseAddress, Int32(clamping: bytes.count), &handle) == 0 else { return false }
            for (section, count) in [(ns_s_an, handle._counts.1), (ns_s_ar, handle._counts.3)] {
                for index in 0..<Int32(count) {
                    var record = ns_rr()
                    guard ns_parserr(&handle, section, index, &record) == 0 else { return false }
                    guard read(record, handle, isAnswer: section == ns_s_an) else { return false }
                }
            }
            return true
        }
        guard isWellFormed else { throw Malformed() }
    }

    private mutating func read(_ record: ns_rr, _ message: ns_msg, isAnswer: Bool) -> Bool {
        // ns_parserr has checked that the data lies within the message.
        let data = UnsafeBufferPointer(start: record.rdata, count: Int(record.rdlength))
        let isInternet = Int(record.rr_class) == Int(ns_c_in.rawValue)
        guard isInternet else { return true }
        switch Int(record.type) {
        case Int(ns_t_a.rawValue):
            guard data.count == 4 else { return false }
            let address = data.map(String.init).joined(separator: ".")
            if isAnswer { ipv4.append(address) } else { add(address, to: \.ipv4, record) }
        case Int(ns_t_aaaa.rawValue):
            guard data.count == 16, let address = Self.ipv6Text(data) else { return false }
            if isAnswer { ipv6.append(address) } else { add(address, to: \.ipv6, record) }
        case Int(ns_t_srv.rawValue) where isAnswer:
            guard data.count > 6, let base = data.baseAddress else { return false }
            func number(_ index: Int) -> Int { Int(data[index]) << 8 | Int(data[index + 1]) }
            var name = [CChar](repeating: 0, count: Int(NS_MAXDNAME))
            guard ns_name_uncompress(message._msg, message._eom, base + 6, &name, name.count) >= 0 else { return false }
            services.append(
                Service(priority: number(0), weight: number(2), port: number(4), target: Self.text(name)))
        case Int(ns_t_cname.rawValue) where isAnswer: break
        default: return true
        }
        if isAnswer { ttl = min(ttl ?? .max, Int(record.ttl)) }
        return true
    }

    private mutating func add(_ address: String, to family: WritableKeyPath<Addresses, [String]>, _ record: ns_rr) {
        let name = withUnsafeBytes(of: record.name) { Self.text($0.map { CChar(bitPattern: $0) }) }.lowercased()
        var addresses = additional[name] ?? Addresses()
        addresses[keyPath: family].append(address)
        addresses.ttl = min(addresses.ttl, Int(record.ttl))
        additional[name] = addresses
    }

    private static func text(_ name: [CChar]) -> String {
        String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func ipv6Text(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, bytes.baseAddress, &text, socklen_t(text.count)) != nil else { return nil }
        return self.text(text)
    }
}
