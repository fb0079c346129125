// The C library, under one name on every system. It must be exported: with `public import` alone, its names would be
// visible only in files that import the C library themselves.
#if canImport(Glibc)
    @_exported public import Glibc
#elseif canImport(Musl)
    @_exported public import Musl
#else
    @_exported public import Darwin
#endif

/// `SOCK_STREAM`, which Glibc declares as an enumeration.
#if canImport(Glibc)
    public let streamSocket = CInt(SOCK_STREAM.rawValue)
#else
    public let streamSocket = SOCK_STREAM
#endif
