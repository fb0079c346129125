// The C library, under one name on every system. `public import` alone would not do: names of a module are visible only
// where that module is imported itself, unless it is exported again.
#if canImport(Glibc)
    @_exported public import Glibc
#elseif canImport(Musl)
    @_exported public import Musl
#else
    @_exported public import Darwin
#endif

/// `SOCK_STREAM`, which some C libraries declare as an enumeration.
#if canImport(Glibc)
    public let streamSocket = CInt(SOCK_STREAM.rawValue)
#else
    public let streamSocket = SOCK_STREAM
#endif
