"""Keys and signatures written by minisign 0.11, and one secret key of ours that minisign was able to read."""

from __future__ import annotations

MESSAGE = b"hello\n"

PUBLIC_KEY = b"""untrusted comment: minisign public key 15E138B7F60D0F06
RWQGDw32tzjhFX6O3z/nIzAFfzSQfEYcndfJLUjSosC7oF5Ji1BM2T5H
"""
KEY_ID = "15E138B7F60D0F06"

SECRET_KEY = (
    b"untrusted comment: minisign encrypted secret key\n"
    b"RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABg8N9rc44RV3UVceWwVXPmtqKaKC+VgUY5yYwWWRG3HD0GJ4EGwugn6O"
    b"3z/nIzAFfzSQfEYcndfJLUjSosC7oF5Ji1BM2T5HAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
)
"""Made with `minisign -G -W`: it has no password."""

SIGNATURE = b"""untrusted comment: signature from minisign secret key
RUQGDw32tzjhFfx2WGuzD/d0bNAV30bIcZJuAjFFRPC4U4LFU5HdczXCr0QlR+29mIwR1CLkqPrdAgev3xY9OCz/flLMX8m26gY=
trusted comment: a trusted comment
9Z2TTx4lpHbhqBe2mzgjOKfNy3M9j+5twmUebuFah1tTIZ2yufRJfG1N9oMey3LaTcbeeRsPm+0bMbjH+IYlBw==
"""

LEGACY_SIGNATURE = b"""untrusted comment: signature from minisign secret key
RWQGDw32tzjhFX95RSLK0eD/JzFb1dW9CpdGdn9i98i7oy9EEmA5XefRXqb5RsXtw01+l3mUOD3RgZSr9thiaPqruW0uuwPoWQk=
trusted comment: timestamp:1795540192\tfile:m.txt
vPk6eYwR4k5SErEzfp4JLNoQ5B3P6FpBp7pRPsnQ2AVIqPVdo6yoI1+dtDlY1wL4UUZjUgEaJ6U8MX4fQ6OdAw==
"""

SEALED_KEY = (
    b"untrusted comment: minisign encrypted secret key\n"
    b"RWRTY0IyJ/Enb0UeF8zmCj8s4PTsZlpqMQXOmkc925KPI0es1PAAgAAAAAAAAAAAEAAAAAAAmOdo1t9qZAq6v5Mc4YB3N/zzDeaoFtLppQhwc/3+B5ctbhb8"
    b"Nx2IgCh4nWIGffLt+RaH60ZmXnry8+edYHbR7fZM38ESAGNdtDwyau3M0t3od3Ldq6n7wZcp72S0Asm/qGiT1QgycJs=\n"
)
SEALED_KEY_PASSWORD = "pw"
SEALED_KEY_PUBLIC_LINE = "RWShcQ7V/taOZgM1qf7M26AsdS9PW6C903s6lsn/sBbLMbSzqf+MjWxD"
"""The output of `minisign -R` for that key and its password."""
