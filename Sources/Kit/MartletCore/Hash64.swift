/// Hashes that are the same in every process and on every machine. They do not resist collisions: anyone who
/// chooses the input can construct some.
public enum Hash64 {
    /// The offset basis of FNV-1a.
    @inlinable public static var seed: UInt64 { 0xCBF2_9CE4_8422_2325 }

    /// One step of FNV-1a (Fowler, Noll, Vo).
    @inlinable @inline(__always)
    public static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

    /// The FNV-1a hash of the bytes.
    @inlinable
    public static func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(seed, step) }

    /// The finalizer of SplitMix64: a bijection in which every bit of the input changes half of the output.
    @inlinable @inline(__always)
    public static func mix(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// The increment of SplitMix64's state.
    @inlinable public static var increment: UInt64 { 0x9E37_79B9_7F4A_7C15 }
}
