"""What of the machine every sandbox shows, read-only."""

__all__ = ["CONFIGURATION", "SYSTEM"]

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")

# fmt: off
CONFIGURATION = (
    "alternatives", "ca-certificates", "fonts", "group", "hosts", "java", "ld.so.cache", "ld.so.conf",
    "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "os-release", "passwd", "pki", "protocols",
    "services", "ssl/certs", "ssl/openssl.cnf", "timezone",
)
# fmt: on
